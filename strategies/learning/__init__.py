"""Models: what a learner makes of a dataset, without ever seeing what it predicts.

1. Rows of features and labels                    ``samples``
2. Windows that learn, later ones that judge      ``folds``
3. An estimator, learnt on one thread             ``estimators``
4. Probabilities of bars it had not seen          ``training``
5. How good they are, fold by fold                ``scores``, ``report``
6. From probabilities to positions                ``selection``
7. Positions through the engine, symbol by symbol ``accounts``
8. On bars of any day, once it is published       ``published``

``models`` lists what there is, ``config`` says how one is trained; both are plain data
and cheap to import. Only ``estimators`` and ``files`` know scikit-learn and skops.
"""
