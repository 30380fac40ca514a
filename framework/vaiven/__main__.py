"""``python -m vaiven``"""

from vaiven.edge.cli import main

main()
