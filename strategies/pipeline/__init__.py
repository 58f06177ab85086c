"""From an idea to a model in one go: what is tried, on what, and what came of it.

1. What may be asked, and the caps             ``plan``
2. Which configurations are tried              ``grid``
3. Each of them traded, symbol by symbol       ``evaluate``
4. All accounts of one added up, as a result   ``together``
5. Ranked, judged, and one chosen or none      ``leaderboard``
6. What is said of it, for two kinds of readers ``words``

Nothing here waits, writes or asks a network: the lab does that around it.
"""
