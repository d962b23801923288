"""The steps of the first run, with processes that a test makes up."""

from __future__ import annotations

import json

import pytest

from gpa_mlx.doctor.first_run import person_steps
from gpa_mlx.doctor.first_run.computer_steps import consult_doctor, examine_backend, examine_versions
from gpa_mlx.doctor.first_run.model_steps import (
    COPIES,
    compare_with_release,
    measure_speed,
    memory_problems,
    store_copies,
    watch_memory,
)
from gpa_mlx.doctor.first_run.person_steps import CLIPBOARD_TEXT, try_clipboard, try_loudspeaker, try_microphone
from gpa_mlx.doctor.first_run.processes import Ended
from gpa_mlx.doctor.first_run.step import Notes, StepSkippedError, Surroundings
from gpa_mlx.doctor.first_run.task_steps import Trial, trials, try_commands
from gpa_mlx.errors import GPAError


class ScriptedProcesses:
    """Processes that end as a test wants: `program` and `measure` map names to what comes of them."""

    def __init__(self, program=None, **measurements):
        self._program = program or {}
        self._measurements = measurements
        self.asked = []

    def program(self, *arguments, deadline_s):
        self.asked.append(arguments)
        return self._program.get(arguments[0], ended())

    def measure(self, name, **arguments):
        self.asked.append((name, arguments))
        found = self._measurements[name]
        return found(**arguments) if callable(found) else found


class ScriptedPerson:
    def __init__(self, *answers):
        self._answers = list(answers)
        self.questions = []

    def agrees(self, question):
        self.questions.append(question)
        return self._answers.pop(0)


def ended(code=0, out="", err=""):
    return Ended(code=code, out=out, err=err, seconds=1.0)


@pytest.fixture
def perform(tmp_path, make_host):
    """Do a step and return what it wrote down."""

    def do(step, processes=None, *, person=None, host=None, **options):
        notes = Notes()
        surroundings = Surroundings(
            folder=tmp_path,
            host=host or make_host(),
            processes=processes or ScriptedProcesses(),
            person=person,
            show=lambda message: None,
        )
        step(surroundings, notes, **options)
        return notes

    return do


def test_versions_of_a_mac(perform, make_host):
    host = make_host(answers={"hw.model": "Mac15,12", "kern.hv_vmm_present": "1"})
    notes = perform(examine_versions, host=host)
    assert notes.problems == []
    assert notes.summary.startswith("gpa-mlx ")
    assert ", macOS 15.1, arm64, Python 3.12.4" in notes.summary
    assert notes.facts["system"]["model"] == "Mac15,12"
    assert notes.facts["system"]["virtual"] is True
    assert notes.facts["wheels"]["mlx"]


def test_backend(perform):
    found = {"device": "gpu", "version": "1", "device_info": {"device_name": "Apple M3"}}
    notes = perform(examine_backend, ScriptedProcesses(backend=found))
    assert (notes.facts, notes.summary) == (found, "MLX computes on the GPU (Apple M3)")


def test_the_doctor_tells_no_names(perform):
    findings = [
        {"area": "machine", "status": "ok", "what": "macOS 15.1.", "fix": ""},
        {"area": "microphone", "status": "warning", "what": "Anna's AirPods is too quiet.", "fix": "x"},
        {"area": "models", "status": "missing", "what": "The default model cannot be used.", "fix": "y"},
    ]
    notes = perform(consult_doctor, ScriptedProcesses({"doctor": ended(1, json.dumps({"findings": findings}))}))
    assert "Anna" not in json.dumps(notes.facts)
    assert notes.facts["findings"][0]["what"] == "macOS 15.1."
    assert notes.problems == ["The default model cannot be used."]
    assert notes.summary == "1 missing, 1 ok, 1 warning"


def test_a_doctor_that_crashes(perform):
    notes = perform(consult_doctor, ScriptedProcesses({"doctor": ended(-11, "", "Segmentation fault")}))
    assert notes.problems == ["`gpa-mlx doctor` was ended by SIGSEGV (Segmentation fault)."]


def test_commands_are_judged_by_exit_code_and_words(perform, tmp_path):
    processes = ScriptedProcesses(
        {
            "right": ended(out="three off\n"),
            "wrong": ended(out="five\n"),
            "failing": ended(1, err="error: no\nhint: never"),
            "refused": ended(4),
            "tracing": ended(err="Traceback (most recent call last):"),
        }
    )
    commands = (
        Trial(("right", "/a/b.wav"), says="three off", keep="kept.txt"),
        Trial(("wrong",), says="three off"),
        Trial(("failing",)),
        Trial(("refused",), code=4),
        Trial(("tracing",)),
    )
    notes = perform(try_commands, processes, commands=commands)
    assert [row["ok"] for row in notes.facts["commands"]] == [True, False, False, True, False]
    assert notes.facts["commands"][0]["command"] == "right b.wav"
    assert notes.problems == [
        "`gpa-mlx wrong` said 'five' instead of 'three off'.",
        "`gpa-mlx failing` ended with exit code 1 instead of 0 (hint: never).",
        "`gpa-mlx tracing` showed a traceback (Traceback (most recent call last):).",
    ]
    assert notes.facts["commands"][2]["error"] == ["error: no", "hint: never"]
    assert (tmp_path / "kept.txt").read_text() == "three off\n"
    assert notes.summary == "2 of 5 commands as expected"


def test_after_two_commands_that_hang_the_rest_is_not_tried(perform):
    processes = ScriptedProcesses({name: ended(None) for name in "abc"})
    notes = perform(try_commands, processes, commands=[Trial((name,)) for name in "abcd"])
    assert len(processes.asked) == 2
    assert notes.problems[-1] == "`c` and what follows was not tried: 2 commands did not end."


def test_every_task_is_among_the_commands():
    words = {trial.arguments[0] for trial in trials()}
    assert {"transcribe", "speak", "vc", "voices", "verify", "tokenize", "detokenize", "model", "demo"} <= words


def same():
    kinds = ("glm", "semantic", "global")
    return {
        **{kind: {"different": 0, "of": 10} for kind in kinds},
        "texts": {"different": 0, "of": 6},
        "heard": {},
        "speech": {"different": 0, "of": 90, "same_before": 90},
        "logits": 4e-5,
        "wave": 0.0,
    }


def parity(device="cpu", same_weights=True, **models):
    names = ("float32", "bfloat16", "shipped")
    return {
        "device": device,
        "same_weights": same_weights,
        "models": {name: models.get(name, same()) for name in names},
    }


@pytest.fixture
def copies(tmp_path):
    for name in COPIES:
        (tmp_path / "models" / name).mkdir(parents=True)


@pytest.mark.usefixtures("copies")
def test_only_float32_without_tf32_must_be_the_same(perform):
    other = {**same(), "semantic": {"different": 2, "of": 498}, "texts": {"different": 1, "of": 6}}
    runs = {False: parity(bfloat16=other), None: parity(float32=other)}
    notes = perform(compare_with_release, ScriptedProcesses(parity=lambda tf32, **_: runs[tf32]))
    assert notes.problems == []
    assert list(notes.facts["runs"]) == ["MLX_ENABLE_TF32=0", "by default"]
    assert notes.summary.startswith(
        "MLX_ENABLE_TF32=0: float32 the same (logits to 4e-05), bfloat16 2 of 518 codes differ"
    )
    runs[False] = parity(float32=other, same_weights=False)
    notes = perform(compare_with_release, ScriptedProcesses(parity=lambda tf32, **_: runs[tf32]))
    assert notes.problems == [
        "MLX_ENABLE_TF32=0: in float32 2 of 498 semantic codes differ.",
        "MLX_ENABLE_TF32=0: in float32 1 of 6 texts differ.",
        "The committed results are those of another demo model.",
    ]


@pytest.mark.usefixtures("copies")
def test_on_a_gpu_the_processor_computes_too(perform):
    processes = ScriptedProcesses(parity=lambda device, **_: parity("cpu" if device == "cpu" else "gpu"))
    notes = perform(compare_with_release, processes)
    assert list(notes.facts["runs"])[-1] == "MLX_ENABLE_TF32=0 on the CPU"
    assert processes.asked[-1][1]["device"] == "cpu"


@pytest.mark.usefixtures("copies")
def test_where_a_gpu_crashes_the_processor_is_tried(perform):
    def crash(device, **_):
        if device == "default":
            raise GPAError("The measurement of parity was ended by SIGABRT.")
        return parity()

    notes = perform(compare_with_release, ScriptedProcesses(parity=crash))
    assert list(notes.facts["runs"]) == ["MLX_ENABLE_TF32=0 on the CPU"]
    assert notes.problems == [
        "MLX_ENABLE_TF32=0: The measurement of parity was ended by SIGABRT.",
        "by default: The measurement of parity was ended by SIGABRT.",
    ]


@pytest.mark.parametrize("step", [compare_with_release, watch_memory, measure_speed])
def test_without_copies_there_is_nothing_to_measure(perform, step):
    with pytest.raises(StepSkippedError, match="other precisions"):
        perform(step)


def test_copies_are_stored_by_a_process(perform, tmp_path):
    notes = perform(store_copies, ScriptedProcesses(copies={"float32": 5_000_000, "4-bit": 1_000_000}))
    assert notes.summary == "float32 5 MB, 4-bit 1 MB"
    assert (tmp_path / "models").is_dir()


def memory(*rows, limit=512_000_000):
    names = ("round", "active_bytes", "cached_bytes", "peak_bytes")
    return {
        "rows": [dict(zip(names, row, strict=True)) for row in rows],
        "cache_limit_bytes": limit,
        "process_bytes": 200_000_000,
    }


@pytest.mark.usefixtures("copies")
def test_memory(perform):
    found = memory((1, 20_000_000, 30_000_000, 40_000_000), (2, 21_000_000, 31_000_000, 39_000_000))
    notes = perform(watch_memory, ScriptedProcesses(memory=found))
    assert notes.problems == []
    assert notes.summary.startswith("after 2 recordings 21 MB active, 31 MB cached; most 40 MB active")


def test_memory_that_grows_or_is_kept_is_a_problem():
    growing = memory((1, 20_000_000, 0, 0), (2, 90_000_000, 0, 0))
    assert "grew from 20 MB to 90 MB" in memory_problems(growing)[0]
    kept = memory((1, 0, 900_000_000, 0), (2, 0, 10, 0))
    assert "kept 900 MB" in memory_problems(kept)[0]


@pytest.mark.usefixtures("copies")
def test_speed_in_every_precision(perform):
    report = {"tasks": [{"task": "speak", "real_time_factor": {"median": 0.25}}]}
    notes = perform(measure_speed, ScriptedProcesses({"bench": ended(out=json.dumps(report))}))
    assert list(notes.facts["bench"]) == list(COPIES)
    assert notes.summary.startswith("float32 speak RTF 0.25; bfloat16 ")
    notes = perform(measure_speed, ScriptedProcesses({"bench": ended(None)}))
    assert len(notes.problems) == len(COPIES)


@pytest.mark.parametrize("step", [try_microphone, try_loudspeaker, try_clipboard])
def test_nobody_is_asked_or_agrees(perform, step):
    with pytest.raises(StepSkippedError, match="nobody is asked"):
        perform(step)
    with pytest.raises(StepSkippedError, match="declined"):
        perform(step, person=ScriptedPerson(False))


def test_microphone(perform):
    heard = {"findings": [{"status": "ok", "what": "The microphone, 48000 Hz, level -30 dBFS."}]}
    notes = perform(try_microphone, ScriptedProcesses(microphone=heard), person=ScriptedPerson(True))
    assert (notes.problems, notes.summary) == ([], "The microphone, 48000 Hz, level -30 dBFS.")
    silent = {"findings": [{"status": "warning", "what": "The microphone gives nothing but exact zeros."}]}
    notes = perform(try_microphone, ScriptedProcesses(microphone=silent), person=ScriptedPerson(True))
    assert notes.problems == ["The microphone gives nothing but exact zeros."]


def test_a_computer_without_a_microphone(perform):
    processes = ScriptedProcesses(microphone={"missing": "This computer has no microphone."})
    with pytest.raises(StepSkippedError, match="no microphone"):
        perform(try_microphone, processes, person=ScriptedPerson(True))


@pytest.mark.parametrize(
    ("code", "answers", "problem"),
    [
        (0, (True, True), None),
        (0, (True, False), "The words were not heard well."),
        (4, (True,), "`gpa-mlx speak --play` ended with exit code 4."),
    ],
)
def test_loudspeaker(perform, code, answers, problem):
    notes = perform(try_loudspeaker, ScriptedProcesses({"speak": ended(code)}), person=ScriptedPerson(*answers))
    assert notes.problems == ([] if problem is None else [problem])


@pytest.fixture
def clipboard(monkeypatch):
    """A clipboard with a text on it."""
    content = ["mine"]
    monkeypatch.setattr(person_steps, "copy_text", lambda text: content.append(text))
    monkeypatch.setattr(person_steps, "paste_text", lambda: content[-1])
    return content


def test_clipboard(perform, clipboard):
    notes = perform(try_clipboard, person=ScriptedPerson(True, True))
    assert (notes.problems, notes.facts) == ([], {"reads_back": True, "pasted": True})
    assert clipboard == ["mine", CLIPBOARD_TEXT, "mine"]


def test_a_clipboard_that_mangles(perform, clipboard, monkeypatch):
    monkeypatch.setattr(person_steps, "copy_text", lambda text: clipboard.append(text.encode("ascii", "replace")))
    notes = perform(try_clipboard, person=ScriptedPerson(True, False))
    assert notes.problems == ["Another text came back from the clipboard.", "The text was not pasted as it is."]


def test_a_clipboard_that_can_only_be_written(perform, clipboard, monkeypatch):
    def refuse():
        raise GPAError("It cannot be read over ssh.")

    monkeypatch.setattr(person_steps, "paste_text", refuse)
    notes = perform(try_clipboard, person=ScriptedPerson(True, True))
    assert (notes.problems, notes.facts["reads_back"]) == ([], "It cannot be read over ssh.")
    assert clipboard == ["mine", CLIPBOARD_TEXT]
