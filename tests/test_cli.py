"""The command line: what it prints, and what it says of bad input."""

import json
import os
import sqlite3
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from keras_acts_tuning.cli import _bytes, app
from keras_acts_tuning.store import FILE_NAME

QUICK = ["--seeds", "2", "--epochs", "1", "--activations", "relu,tanh", "--no-measure"]


def keras_acts(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def csv(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{'yes' if a > b else 'no'}" for a, b in rng.normal(size=(60, 2))]
    (tmp_path / "points.csv").write_text("\n".join(["a,b,above", *rows]))
    return "points.csv"


def test_compare_prints_a_table_draws_a_plot_and_goes_on(csv: str) -> None:
    first = keras_acts("compare", csv, "--target", "above", *QUICK)
    assert first.exit_code == 0, first.output
    assert "relu, seed 0: " in first.stderr
    assert "± " in first.stdout
    assert Path("results/points/plot.png").read_bytes().startswith(b"\x89PNG")
    again = keras_acts("compare", csv, "--target", "above", *QUICK)
    assert "4 of 4 trials are stored already" in again.stderr
    assert again.stdout == first.stdout
    assert keras_acts("report", "results/points").stdout == first.stdout


def test_json_is_the_only_thing_on_standard_output(csv: str) -> None:
    result = keras_acts("compare", csv, "--target", "above", "--json", *QUICK)
    stored = json.loads(result.stdout)
    assert stored["complete"]
    assert {row["activation"] for row in stored["table"]} == {"relu", "tanh"}
    assert result.stderr == ""
    status = json.loads(keras_acts("status", "results/points", "--json").stdout)
    assert (status["planned"], status["ended"]) == (4, 4)
    assert status["activations"]["tanh"] == {"planned": 2, "completed": 2, "not completed": 0}


def test_a_saved_model_is_compared_and_code_in_it_is_not_run(csv: str) -> None:
    import keras

    def save(*hidden: keras.layers.Layer) -> None:
        model = keras.Sequential([keras.Input((2,)), *hidden, keras.layers.Dense(2, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.save("net.keras")

    save(keras.layers.Dense(4, "relu"))
    result = keras_acts("compare", csv, "--target", "above", "--model", "net.keras", *QUICK)
    assert result.exit_code == 0, result.output
    assert "--model net.keras" in Path("results/points/report.html").read_text()
    save(keras.layers.Lambda(lambda x: x), keras.layers.Dense(4, "relu"))
    for file, message in (("net.keras", "without running code of its own"), ("none.keras", "a file that exists")):
        result = keras_acts("compare", csv, "--target", "above", "--model", file, *QUICK)
        assert result.exit_code == 2
        assert message in result.stderr


def test_status_counts_what_has_ended(csv: str) -> None:
    keras_acts("compare", csv, "--target", "above", *QUICK)
    assert "4 of 4 trials have ended." in keras_acts("status", "results/points").stdout


def test_a_network_of_ones_own(csv: str) -> None:
    Path("mine.py").write_text(
        "import keras\n"
        "def network(activation):\n"
        "    hidden = [keras.Input((2,)), keras.layers.Dense(3), activation()]\n"
        "    model = keras.Sequential([*hidden, keras.layers.Dense(2, 'softmax')])\n"
        "    model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])\n"
        "    return model\n"
    )
    result = keras_acts("compare", csv, "--target", "above", "--model", "mine.py:network", *QUICK)
    assert result.exit_code == 0, result.output
    assert " 17" in result.stdout  # its parameters


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compare", "digits", "--activations", "rellu"], "the nearest names are 'relu'"),
        (["compare", "digits", "--activations", ""], "at least one activation"),
        (["compare", "digits", "--seeds", "0"], "`seeds` needs to be a whole number from 1 to 2147483647"),
        (["compare", "digits", "--seeds", "-3"], "`seeds` needs to be a whole number from 1"),
        (["compare", "digits", "--epochs", "0"], "`epochs` needs to be a whole number from 1"),
        (["compare", "digits", "--batch-size", "-1"], "`batch_size` needs to be a whole number from 1"),
        (["compare", "digits", "--split-seed", "-1"], "`split_seed` needs to be a whole number from 0"),
        (["compare", "digits", "--split-seed", "99999999999"], "`split_seed` needs to be a whole number from 0"),
        (["compare", "--suite", "small", "--seeds", "0"], "`seeds` needs to be a whole number from 1"),
        (["compare", "digits", "--tune", "learning_rate=0.1:1", "--tune-trials", "0"], "`tune_trials` needs to be"),
        (["compare", "points.csv", "--target", "above", "--kind", "clasification"], "names are 'classification'"),
        (["compare", "points.csv", "--target", "above", "--kind", "regression"], "A regression needs numbers"),
        (["compare", "digits", "--kind", "regression"], "digits is a classification"),
        (["compare", "rare.csv", "--target", "y"], "`--kind regression`"),
        (["compare", "digits", "--workers", "0"], "`workers` needs to be at least 1"),
        (["compare", "digits", "--memory-limit", "lots"], "a number with a unit, such as 2GB"),
        (["export", "none", "x.csv"], "needs to hold a study"),
        (["compare", "digits", "--reference", "softmax"], "belongs at the output"),
        (["compare", "digits", "--metric", "quality"], "give `direction`"),
        (["compare", "digits", "--direction", "up"], "'max' or 'min'"),
        (["compare", "digits", "--target", "x"], "names a column of a .csv"),
        (["compare", "digit"], "the nearest names are 'digits'"),
        (["compare", "none.csv", "--target", "y"], "a file that exists"),
        (["compare", "points.csv", "--target", "abve"], "the nearest names are 'above'"),
        (["compare", "points.csv"], "needs `--target COLUMN`"),
        (["compare", "nan.csv", "--target", "y"], "Each cell needs a value"),
        (["compare", "one.csv", "--target", "y"], "at least two classes"),
        (["compare", "digits", "--model", "nothing"], "module:function"),
        (["compare", "digits", "--model", "none.py:f"], "a file that exists"),
        (["compare", "digits", "--model", "nomodule:f"], "can be imported"),
        (["compare", "digits", "--model", "json:dump5"], "the nearest names are"),
        (["report", "none"], "needs to hold a study"),
        (["status", "none"], "needs to hold a study"),
        (["list", "--family", "gatd"], "the nearest names are 'gated'"),
        (["show", "gelo"], "the nearest names are"),
    ],
)
def test_bad_input_is_one_line_and_status_2(csv: str, words: list[str], message: str) -> None:
    Path("nan.csv").write_text("x,y\n" + "1,0\nnan,1\n" * 20)
    Path("rare.csv").write_text("x,y\n" + "".join(f"{n},{n // 2}\n" for n in range(30)))
    Path("one.csv").write_text("x,y\n" + "1,0\n2,0\n" * 20)
    before = sorted(Path().rglob("*"))
    result = keras_acts(*words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert sorted(Path().rglob("*")) == before  # nothing was written


def test_whole_numbers_can_be_said_to_be_a_regression() -> None:
    Path("counts.csv").write_text("x,y\n" + "".join(f"{n},{n // 2}\n" for n in range(30)))
    result = keras_acts("compare", "counts.csv", "--target", "y", "--kind", "regression", *QUICK)
    assert result.exit_code == 0, result.output
    assert "rmse" in result.stdout
    assert "--kind regression" in Path("results/counts/report.html").read_text()


def test_a_metric_that_the_model_lacks_blocks_no_directory(csv: str) -> None:
    refused = keras_acts("compare", csv, "--target", "above", "--metric", "auc", *QUICK)
    assert refused.exit_code == 2
    assert "such as `--metric accuracy`. Received: metric='auc'" in refused.stderr
    assert refused.stderr.splitlines()[-1].startswith("keras-acts: error: ")
    assert keras_acts("compare", csv, "--target", "above", *QUICK).exit_code == 0


@pytest.mark.parametrize("words", [["--seeds", "2.5"], ["--epochs", "many"], ["--trial-timeout", "x"]])
def test_what_is_no_number_is_refused_by_name(words: list[str]) -> None:
    result = keras_acts("compare", "digits", *words)
    assert result.exit_code == 2
    assert f"Invalid value for '{words[0]}'" in result.stderr


def test_an_export_is_a_table_of_trials(csv: str) -> None:
    keras_acts("compare", csv, "--target", "above", "--memory-limit", "8GiB", *QUICK)
    for name in ("t.csv", "t.json"):
        assert keras_acts("export", "results/points", name).exit_code == 0
    assert len(Path("t.csv").read_text().splitlines()) == 1 + len(json.loads(Path("t.json").read_text())) == 5


@pytest.mark.parametrize(
    ("text", "size"), [("2GB", 2e9), ("512MiB", 2**29), ("1.5 kB", 1500), ("7B", 7), ("1tib", 2**40)]
)
def test_a_size_in_words_is_a_size_in_bytes(text: str, size: float) -> None:
    assert _bytes(text) == size


def test_another_study_in_the_directory_is_refused_untouched(csv: str) -> None:
    keras_acts("compare", csv, "--target", "above", *QUICK)
    before = Path("results/points", FILE_NAME).read_bytes()
    result = keras_acts("compare", csv, "--target", "above", "--seeds", "2", "--epochs", "3")
    assert result.exit_code == 2
    assert "holds another study" in result.stderr
    assert "epochs: stored 1, asked 3" in result.stderr
    assert result.stderr.count("\n") == 1
    assert Path("results/points", FILE_NAME).read_bytes() == before


def test_a_study_without_a_completed_trial_ends_with_status_1(csv: str) -> None:
    Path("broken.py").write_text("def network(activation):\n    raise RuntimeError('[no] luck')\n")
    result = keras_acts("compare", csv, "--target", "above", "--model", "broken.py:network", *QUICK)
    assert result.exit_code == 1
    assert "relu, seed 0 failed: RuntimeError: [no] luck" in result.stdout


def test_a_diverged_trial_is_null_in_json(csv: str) -> None:
    keras_acts("compare", csv, "--target", "above", *QUICK)
    connection = sqlite3.connect(Path("results/points", FILE_NAME))
    connection.execute("""UPDATE trials SET status = 'diverged', score = NULL, history = '{"loss": [NaN]}'""")
    connection.commit()
    connection.close()
    stored = json.loads(keras_acts("report", "results/points", "--json").stdout)
    assert stored["trials"][0]["history"]["loss"] == [None]


def test_list_and_show() -> None:
    assert "leaky_relu" in keras_acts("list").stdout
    assert "leaky_relu" not in keras_acts("list", "--learned").stdout
    shown = keras_acts("show", "PReLU").stdout
    assert "arXiv:1502.01852" in shown
    assert "learned, one value a channel" in shown
    assert "formula (LaTeX)" in shown
    assert json.loads(keras_acts("show", "gelu", "--json").stdout)["name"] == "gelu"


def test_a_backend_that_is_not_installed_is_one_line() -> None:
    code = (
        "import sys; sys.modules['tensorflow'] = None; sys.argv[1:] = ['list'];"
        "from keras_acts_tuning.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert 'needs a backend that is installed: pip install "keras-acts[tensorflow]"' in done.stderr
    assert "Received: backend='tensorflow'" in done.stderr
    if find_spec("jax"):
        assert "or export KERAS_BACKEND=jax" in done.stderr


def test_help_does_not_wait_for_keras() -> None:
    code = "import sys; from keras_acts_tuning.cli import app; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
