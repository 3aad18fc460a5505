"""Seal and open: the only door to `cryptography` and argon2.

    stream.py    one data key, one blob: seal as it streams in, open whole or by ranges
    people.py    a recipient's key pair: data keys are sealed to its public half
    ring.py      the role's long-lived keys, each a small port (wrap, unwrap, sign, digest)
    box.py       small secrets sealed to a role (mailer, admin)
    tokens.py    random tokens and codes, and what is stored of them
    passwords.py argon2id with a pepper

Who can open what is design, not convention: `sync` holds no portal key, `portal` no mailer key, `admin` neither,
`hook` nothing at all.
"""
