"""``python -m vaiven.edge.cli``"""

from vaiven.edge.cli import main

main()
