"""What bites in production, each thing with its fix: ``looks`` gather facts, ``checks`` decide over them without I/O."""
