"""All that speaks with Microsoft Graph.

webhook ──(wake row)──> catch_up ──> pull ──> service.intake          send <── outbox
a hint, never work      delta: the truth       sealed as it streams    a draft first, then sent once
"""
