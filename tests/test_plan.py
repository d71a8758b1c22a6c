"""Arms and plans: what is compared, what identifies a study, and when two studies are one."""

import dataclasses
from typing import Any

import keras
import pytest

import keras_acts as ka
from keras_acts_tuning._settings import DEFAULTS
from keras_acts_tuning.arms import DEFAULT_ACTIVATIONS, Arm, arms_from
from keras_acts_tuning.errors import StudyError
from keras_acts_tuning.plan import Plan, build_facts, direction_of


def plan(**changes: Any) -> Plan:
    settings: dict[str, Any] = {
        "data": {"name": "toy", "sha256": "0"},
        "build": {"function": "m:f"},
        "arms": arms_from("relu, gelu"),
        "reference": "relu",
        "seeds": (0, 1),
        "epochs": 3,
        "batch_size": 8,
        "metric": "accuracy",
        "direction": "max",
    }
    return Plan(**{**settings, **changes})


def test_an_arm_makes_fresh_layers_with_its_arguments() -> None:
    arm = Arm.parse("leaky_relu(negative_slope=0.1)")
    assert arm.label == "leaky_relu(negative_slope=0.1)"
    assert arm() is not arm()
    assert arm(name="x").negative_slope == 0.1


def test_a_comma_inside_parentheses_does_not_split() -> None:
    assert [arm.label for arm in arms_from("sum_of_sigmoids(n=3, spacing=0.5),relu")] == [
        "sum_of_sigmoids(n=3, spacing=0.5)",
        "relu",
    ]


def test_the_default_arms_are_in_the_catalogue() -> None:
    assert set(DEFAULT_ACTIVATIONS) <= set(ka.names(role="hidden"))
    assert len(arms_from(None)) >= 8


@pytest.mark.parametrize(
    ("activations", "message"),
    [
        ("rellu", r"the nearest names are 'relu'.*name='rellu'"),
        ("", r"at least one activation"),
        ([], r"at least one activation"),
        ("relu,relu", r"compared once.*activation='relu'"),
        ("softmax", r"belongs at the output"),
        ("snake(alpha=-1)", r"`Snake` needs `alpha` above 0"),
        ("snake(beta=1)", r"beta"),
        ("snake(2)", r"`argument=value`"),
        ("snake(alpha=__import__('os'))", r"plain values"),
        ("snake(", r"the form `name`"),
    ],
)
def test_an_arm_that_cannot_be_is_refused(activations: Any, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        arms_from(activations)


def test_a_plan_survives_writing_and_reading() -> None:
    arms = arms_from(["snake(alpha=2.5)", Arm.of("relu", label="mine")])
    written = plan(arms=arms, reference="mine")
    assert Plan.from_dict(written.to_dict()) == dataclasses.replace(written, data=dict(written.data))


def test_the_settings_of_keras_are_in_a_plan_and_an_older_one_had_keras_own() -> None:
    older = {name: value for name, value in plan().to_dict().items() if name != "settings"}
    assert Plan.from_dict(older).settings == DEFAULTS == plan().settings
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_epsilon(1e-3)
    assert plan().differences(Plan.from_dict(older)) == [
        "settings dtype_policy: stored 'float32', asked 'mixed_bfloat16'",
        "settings epsilon: stored 1e-07, asked 0.001",
    ]


def test_the_order_of_arms_and_seeds_does_not_make_another_study() -> None:
    assert plan(arms=arms_from("gelu,relu"), seeds=(1, 0)).differences(plan()) == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"epochs": 4}, "epochs: stored 3, asked 4"),
        ({"data": {"name": "toy", "sha256": "1"}}, "data sha256: stored '0', asked '1'"),
        ({"arms": arms_from("relu,gelu(approximate=True)")}, "activations added: gelu(approximate=True)"),
        ({"seeds": (0,)}, "seeds left out: 1"),
        ({"settings": {**DEFAULTS, "floatx": "float64"}}, "settings floatx: stored 'float32', asked 'float64'"),
    ],
)
def test_a_difference_is_named(changes: dict[str, Any], line: str) -> None:
    assert line in plan(**changes).differences(plan())
    assert not plan(**changes).extends(plan())


def test_more_seeds_and_activations_extend_a_study() -> None:
    bigger = plan(arms=arms_from("relu,gelu,elu"), seeds=(0, 1, 2))
    assert bigger.extends(plan())
    assert not plan().extends(bigger)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": "elu"}, "one of the activations.*reference='elu'"),
        ({"epochs": 0}, "`epochs` needs to be a whole number from 1 to 2147483647. Received: epochs=0"),
        ({"batch_size": 0}, "`batch_size` needs to be a whole number from 1"),
        ({"seeds": ()}, "different whole numbers"),
        ({"seeds": (1, 1)}, "different whole numbers"),
        ({"seeds": (-1,)}, "`seeds` needs to be a whole number from 0 to 2147483647. Received: seeds=-1"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        plan(**changes)


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("accuracy", "max"),
        ("rmse", "min"),
        ("loss", "min"),
        ("auc", "max"),
        ("mean_absolute_error", "min"),
        ("r2_score", "max"),
    ],
)
def test_the_direction_of_a_metric_is_known_by_its_name(metric: str, direction: str) -> None:
    assert direction_of(metric) == direction


def test_a_metric_of_unknown_direction_is_refused() -> None:
    with pytest.raises(StudyError, match=r"give `direction`.*metric='quality'"):
        direction_of("quality")


def test_a_changed_source_is_another_network() -> None:
    def one() -> int:
        return 1

    def other() -> int:
        return 2

    assert build_facts(one)["sha256"] != build_facts(other)["sha256"]


def test_a_plan_without_what_its_network_reads_is_older_and_goes_on() -> None:
    older = Plan.from_dict({name: value for name, value in plan().to_dict().items() if name != "network"})
    newer = plan(network={"units": "4"})
    assert newer.differences(older) == []
    assert plan(network={"units": "5"}).differences(newer) == ["network units: stored '4', asked '5'"]
