from pathlib import Path

from tests.mail.make import FOLDER, all_mails

LARGEST_BYTES = 100_000


def test_the_files_are_what_the_maker_writes():
    made = all_mails()
    assert {path.stem for path in FOLDER.glob("*.eml")} == made.keys()
    for name, mail in made.items():
        assert Path(FOLDER / f"{name}.eml").read_bytes() == mail
        assert len(mail) < LARGEST_BYTES
