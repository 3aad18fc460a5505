"""Send mails through the whole service without a browser, and say what arrived.

files.py   one .eml: prepared for sending, and what of it must arrive
reader.py  the recipient: walks the portal's real forms over HTTP
walk.py    one mail's way, step by step, and its verdict
run.py     everything started, every file walked, one line of JSON each
"""
