"""Is it luck? Tests of a result that the result itself cannot answer.

Each room holds one question: does it hold on data it was not chosen on, would chance
do as well, how far can the figure be trusted.
"""
