from __future__ import annotations

from typing import Any

import pytest
import torch
from torchvision.models import WeightsEnum, get_model

from alframe.errors import ConfigurationError
from alframe.learner.detection import FCOS, FasterRCNN, RetinaNet, SSDLite
from alframe.learner.detection.network import Suppression

IMAGES = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("make", "name", "new"),
    [
        (FasterRCNN, "fasterrcnn_mobilenet_v3_large_320_fpn", "roi_heads.box_predictor"),
        (FasterRCNN, "fasterrcnn_resnet50_fpn_v2", "roi_heads.box_predictor"),
        (RetinaNet, "retinanet_resnet50_fpn_v2", "head.classification_head.cls_logits"),
        (FCOS, "fcos_resnet50_fpn", "head.classification_head.cls_logits"),
        (SSDLite, "ssdlite320_mobilenet_v3_large", "head.classification_head"),
    ],
)
def test_a_whole_detector_is_taken_as_it_is_but_for_its_classes(
    make: Any, name: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every weight that is not of the last layer is the stored one, and the number of classes is ours.

    The stored ones are made here: nothing is downloaded in a test.
    """
    torch.manual_seed(0)
    stored = get_model(name, weights=None, weights_backbone=None, num_classes=91).state_dict()
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_args, **_kwargs: dict(stored))
    network = make((3, 64, 64), 2, 0.1, weights=name).eval()
    own = network.model.state_dict()
    same = [key for key in own.keys() & stored.keys() if own[key].shape == stored[key].shape]
    learnt = [key for key in stored if not key.endswith("num_batches_tracked") and not key.startswith(new)]
    assert len(set(learnt) - set(same)) <= 4  # both layers of a plain box head have other names
    assert all(torch.equal(own[key], stored[key]) for key in same if not key.startswith(new))
    with torch.inference_mode():
        kept = network.detect(IMAGES, network.maps(IMAGES), Suppression(0.0, 0.9, 5))
    assert kept.probs.shape == (5, 3)


def test_the_layers_of_a_stored_box_head_are_those_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is what all draws share, and the second what follows it."""
    name = "fasterrcnn_mobilenet_v3_large_320_fpn"
    stored = get_model(name, weights=None, weights_backbone=None, num_classes=91).state_dict()
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_args, **_kwargs: dict(stored))
    network = FasterRCNN((3, 64, 64), 2, 0.1, weights=name)
    assert torch.equal(network.model.roi_heads.box_head[1].weight, stored["roi_heads.box_head.fc6.weight"])
    second: Any = network.head.layers[0]
    assert torch.equal(second.weight, stored["roi_heads.box_head.fc7.weight"])
    assert network.head.dropout == 0.1


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (FasterRCNN, "retinanet_resnet50_fpn"),
        (RetinaNet, "resnet50"),
        (FCOS, "fcos"),
        (SSDLite, "ssd300_vgg16"),
    ],
)
def test_a_detector_of_another_kind_is_refused(make: Any, wrong: str) -> None:
    """The message names those that would do."""
    with pytest.raises(ConfigurationError, match=f"weights='{wrong}' is none of [a-z]"):
        make((3, 64, 64), 2, 0.1, weights=wrong)
