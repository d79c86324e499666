"""`python -m livestream` is the `livestream` command; nothing else lives here."""

from livestream.cli import main

if __name__ == "__main__":
    main()
