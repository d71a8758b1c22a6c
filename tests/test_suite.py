"""Several studies with the same settings: each where it belongs, and the ranks over them all."""

import json
from pathlib import Path
from typing import Any

import pytest
from networks import smaller
from typer.testing import CliRunner, Result

import keras_acts_tuning as kat
from keras_acts_tuning import suite as suites, tasks
from keras_acts_tuning.analyse import rank
from keras_acts_tuning.cli import app
from keras_acts_tuning.tasks import SUITES, TASKS

THREE = "digits,breast-cancer,diabetes"
QUICK: dict[str, Any] = {
    "activations": "relu,tanh,prelu",
    "seeds": 2,
    "epochs": 2,
    "execution": kat.Execution(in_process=True),
}


@pytest.fixture(autouse=True)
def _small_and_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, task in TASKS.items():
        monkeypatch.setitem(TASKS, name, smaller(task))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> suites.Suite:
    with pytest.MonkeyPatch.context() as patch:
        for name, task in TASKS.items():
            patch.setitem(TASKS, name, smaller(task))
        return kat.compare_suite(THREE, directory=tmp_path_factory.mktemp("suite"), **QUICK)


def keras_acts(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_each_study_has_a_directory_of_its_own(three: suites.Suite) -> None:
    assert three.names == ("digits", "breast_cancer", "diabetes")
    assert three.complete
    for name, comparison in zip(three.names, three.comparisons, strict=True):
        assert comparison.directory == three.directory / name
        assert kat.load(three.directory / name).table() == comparison.table()
        assert comparison.plan.seeds == (0, 1)
    assert [comparison.plan.direction for comparison in three.comparisons] == ["max", "max", "min"]


def test_ranks_are_those_of_the_studies(three: suites.Suite) -> None:
    ranking = three.ranking()
    assert ranking is not None
    assert ranking == rank({c.plan.data["name"]: c.all_scores for c in three.comparisons})
    for place, comparison in enumerate(three.comparisons):
        by_table = [row.activation for row in comparison.table()]  # the best first, whichever way the metric goes
        assert sorted(by_table, key=lambda arm: ranking.ranks[arm][place]) == by_table


def test_the_verdict_names_no_winner_that_three_data_sets_cannot_show(three: suites.Suite) -> None:
    ranking = three.ranking()
    assert ranking is not None
    first = next(iter(ranking.mean_ranks))
    verdict = three.verdict()
    assert f"Over 3 studies {first} ranks first on average" in verdict
    assert f"Critical difference of two mean ranks: {ranking.critical_difference:.2f}." in verdict
    # Three arms on three data sets: Nemenyi's difference is above the 2 that ranks can differ by at most, nearly.
    assert "is not shown to rank before any other" in verdict or ranking.p <= 0.05


def test_one_report_holds_all_studies(three: suites.Suite, tmp_path: Path) -> None:
    text = three.report(tmp_path / "all.html").read_text("utf-8")
    assert "Activations on 3 data sets" in text
    assert three.report() == three.directory / "report.html"
    assert kat.load(three.directory / "digits").verdict().sentences[0][:20] in text


def test_plain_data_are_json(three: suites.Suite) -> None:
    plain = json.loads(json.dumps(three.to_dict()))
    assert list(plain["studies"]) == list(three.names)
    assert plain["verdict"] == three.verdict()
    assert plain["ranking"]["tasks"] == list(three.names)


def test_a_suite_goes_on_where_it_was(three: suites.Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [comparison.outcomes for comparison in three.comparisons]
    again = kat.compare_suite(THREE, directory=three.directory, **QUICK)
    assert [comparison.outcomes for comparison in again.comparisons] == before  # the very rows, times and all


def test_a_suite_of_one_has_no_ranks(tmp_path: Path) -> None:
    one = kat.compare_suite(["diabetes"], **{**QUICK, "seeds": [3], "activations": "relu,elu"})
    assert one.directory == Path("results/suite")
    assert one.comparisons[0].plan.seeds == (3,)
    assert one.ranking() is None
    assert one.verdict().startswith("No ranking")
    assert one.to_dict()["ranking"] is None


def test_every_task_of_the_small_suite_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    small = kat.compare_suite(**{**QUICK, "seeds": 1, "epochs": 1, "activations": "relu,prelu"})
    assert small.directory == Path("results/suite-small")
    assert small.names == SUITES["small"]
    assert [len(comparison.failures) for comparison in small.comparisons] == [0] * 7
    ranking = small.ranking()
    assert ranking is not None
    assert len(ranking.tasks) == 7


def test_two_studies_of_one_name_are_told_apart(three: suites.Suite) -> None:
    twice = suites.Suite([three.comparisons[0]] * 2, three.directory)
    assert twice.names == (f"digits ({three.directory / 'digits'})",) * 2


def test_what_cannot_be_is_refused_before_anything_is_written() -> None:
    with pytest.raises(kat.StudyError, match="the nearest names are 'diabetes'"):
        kat.compare_suite("digits,diabets", **QUICK)
    with pytest.raises(kat.StudyError, match="names a column"):
        kat.compare_suite(THREE, target="y", **QUICK)
    assert not Path("results").exists()


def test_the_command_line_prints_each_table_then_the_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("--activations", "relu,tanh", "--seeds", "1", "--epochs", "1")
    monkeypatch.setitem(SUITES, "small", ("digits", "diabetes"))
    first = keras_acts("compare", "--suite", "small", *words)
    assert first.exit_code == 0, first.output
    places = [first.stdout.index(text) for text in ("digits\n", "diabetes\n", "mean rank", "Over 2 studies")]
    assert places == sorted(places)
    assert "Report: results/suite-small/report.html" in first.stdout
    assert "diabetes: 2 activations × 1 seeds × 1 epochs" in first.stderr
    assert Path("results/suite-small/diabetes/study.sqlite").is_file()
    again = keras_acts("compare", "--suite", "small", *words)
    assert again.stdout == first.stdout
    assert again.stderr.count("2 of 2 trials are stored already") == 2
    directories = ("results/suite-small/digits", "results/suite-small/diabetes")
    assert "Over 2 studies" in keras_acts("report", *directories).stdout
    stored = json.loads(keras_acts("report", *directories, "--json").stdout)
    assert stored["studies"].keys() == {"digits", "diabetes"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compare"], "needs either DATA or `--suite`. Received: data=None, suite=None"),
        (["compare", "digits", "--suite", "small"], "needs either DATA or `--suite`"),
        (["compare", "--suite", "smal"], "the nearest names are 'small'"),
        (["compare", "--suite", ""], "different tasks, one at least"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words: list[str], message: str) -> None:
    result = keras_acts(*words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_tasks_are_listed_with_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.Task, "installed", property(lambda task: task.needs != "river"))
    printed = keras_acts("list", "--tasks").stdout
    assert "keras-acts[suite]: river (missing)" in printed
    assert "keras-acts[suite]: sktime " in printed
    rows = {row["name"]: row for row in json.loads(keras_acts("list", "--tasks", "--json").stdout)}
    assert rows.keys() == TASKS.keys()
    assert rows["pydoc_topics"]["network"] == "transformer"
    assert (rows["image_segments"]["needs"], rows["image_segments"]["installed"]) == ("river", False)
    assert (rows["digits"]["needs"], rows["digits_images"]["suites"]) == (None, [])
