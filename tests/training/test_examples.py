"""What is kept of a question's candidates to fit on."""

import numpy as np

from qa.answer.ranking.close import CLOSE_FEATURES
from qa.answer.ranking.features import Candidates, list_features
from qa.answer.ranking.ranker import Ranker
from qa.training.examples import READ_CLOSELY, keep_close


def test_close_features_are_kept_of_those_ranked_first() -> None:
    rng = np.random.default_rng(4)
    features = {feature.name: rng.normal(size=8) for feature in list_features("with the reader")}
    asked: list[int] = []

    def close(number: int) -> dict[str, float]:
        asked.append(number)
        return {feature.name: 100.0 + number for feature in CLOSE_FEATURES}

    candidates = Candidates([], [], None, "with the reader", features, {}, close)
    kept = keep_close(candidates)
    scores = Ranker.load("with the reader").score(candidates)
    assert asked == np.argsort(-scores)[:READ_CLOSELY].tolist()
    for feature in CLOSE_FEATURES:
        values, whole = kept.features[feature.name], features[feature.whole]
        assert values.tolist() == [
            100.0 + number if number in asked else whole[number] for number in range(8)
        ]
    assert kept.features["read_closely"].tolist() == [number in asked for number in range(8)]
    assert kept.close is None
    assert set(features) == set(candidates.features)
