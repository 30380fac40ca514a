"""vaiven: two-way conversations over SMS, WhatsApp and Messenger."""

__version__ = "0.1.0"
