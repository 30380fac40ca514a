import pytest

pytest.register_assert_rewrite("vaiven.testing.promises", "vaiven.testing.stores")
