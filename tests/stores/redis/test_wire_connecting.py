"""Getting in: addresses, passwords, TLS, and what is no server of ours."""

import asyncio
import ssl
import subprocess
import time

import pytest

from vaiven.model.errors import StoreMismatch, StoreUnavailable
from vaiven.stores.redis.wire import Patience, Script, Wire
from vaiven.testing import servers

COUNT = Script("count", "return redis.call('INCR', KEYS[1])")

HASTY = Patience(reply_s=0.5, connect_s=0.5, down_s=0.3)


async def test_user_password_and_database_come_from_the_url(own_server, opened):
    own_server.say("ACL", "SETUSER", "ann", "on", ">se/cret", "~*", "+@all")
    own_server.say("CONFIG", "SET", "requirepass", "main")
    where = f"127.0.0.1:{own_server.port}"
    async with opened(f"redis://ann:se%2Fcret@{where}/2") as wire:
        await wire.ask(b"k", "SET", "k", "v")
    async with opened(f"redis://:main@{where}") as wire:
        assert await wire.ask(b"k", "GET", "k") is None
        assert await wire.ask(b"k", "ACL", "WHOAMI") == b"default"
        assert (await wire.info("keyspace"))[where]["db2"].startswith("keys=1,")
    for wrong in (f"redis://ann:wr0ng@{where}", f"redis://{where}"):
        with pytest.raises(StoreUnavailable, match=r"WRONGPASS|NOAUTH") as refused:
            await Wire(wrong, patience=HASTY).open()
        assert "wr0ng" not in str(refused.value)


async def test_a_unix_socket(tmp_path, opened):
    path = tmp_path / "redis.sock"
    with servers.server(extra=("--unixsocket", str(path))):
        async with opened(f"redis+unix://{path}") as wire:
            assert await wire.run(COUNT, [b"n"], []) == 1


async def test_tls(redis_server, tmp_path, opened):
    def certify(name):
        subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}")
        command = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
        subprocess.run(
            [*command, "-keyout", tmp_path / "key", "-out", tmp_path / "cert", *subject], check=True, capture_output=True
        )

    await asyncio.to_thread(certify, "localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")

    async def carry(reader, writer):
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()

    async def ends_tls(reader, writer):
        inner = await asyncio.open_connection("127.0.0.1", redis_server.port)
        await asyncio.gather(carry(reader, inner[1]), carry(inner[0], writer))

    async with await asyncio.start_server(ends_tls, "127.0.0.1", 0, ssl=context) as front:
        where = f"localhost:{front.sockets[0].getsockname()[1]}"
        async with opened(f"rediss://{where}?ssl_ca_certs={tmp_path / 'cert'}") as wire:
            assert await asyncio.gather(*(wire.run(COUNT, [b"n"], []) for _ in range(100))) == list(range(1, 101))
        with pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await Wire(f"rediss://{where}", patience=HASTY).open()


async def test_a_server_is_told_from_a_cluster(redis_server, redis_cluster):
    with pytest.raises(StoreMismatch, match=r"redis\+cluster://"):
        await Wire(redis_cluster.servers[0].url).open()
    with pytest.raises(StoreMismatch, match="redis://"):
        await Wire(f"redis+cluster://127.0.0.1:{redis_server.port}").open()


async def fake_server(answer):
    async def talk(reader, writer):
        await reader.read(1 << 16)
        writer.write(answer)
        await reader.read(1 << 16)
        writer.close()

    return await asyncio.start_server(talk, "127.0.0.1", 0)


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (b"+OK\r\n$21\r\nredis_version:6.2.14\r\n\r\n", StoreMismatch, "7.0"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", StoreUnavailable, "no RESP"),
        (b"-ERR max number of clients reached\r\n", StoreUnavailable, "max number of clients"),
        (b"", StoreUnavailable, "no answer in 0.5 s"),
    ],
)
async def test_what_is_no_server_of_ours_is_refused_in_words(answer, error, text):
    async with await fake_server(answer) as fake:
        with pytest.raises(error, match=text):
            await Wire(f"redis://127.0.0.1:{fake.sockets[0].getsockname()[1]}", patience=HASTY).open()


async def test_attempts_to_connect_become_rarer():
    attempts = []

    async def refuse(reader, writer):
        attempts.append(time.monotonic())
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as busy:
        with pytest.raises(StoreUnavailable, match=r"connection (lost|closed)"):
            await Wire(f"redis://127.0.0.1:{busy.sockets[0].getsockname()[1]}", patience=Patience(down_s=1.5)).open()
    assert 3 <= len(attempts) <= 10
    assert attempts[-1] - attempts[-2] > 0.1
