from __future__ import annotations

import copy
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from skimage.color import rgb2lab
from torch import Tensor
from web_samples import Painter, chroma

import colorful
from colorful import Colorizer, Hint, errors, hub
from colorful.models import NetworkConfig, create
from colorful.runtime import find_device

Array = npt.NDArray[Any]


def encode(pixels: Array, format: str = "PNG") -> bytes:
    """Encode pixels as a file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


class TestColorize:
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
    def test_an_array_gives_an_array_of_its_dtype(self, painter: Colorizer, grey: Array, dtype: Any) -> None:
        """An array comes back as an array of the same dtype, in color."""
        scale = {"u1": 1, "u2": 257}.get(np.dtype(dtype).str[1:], 1 / 255)
        rgb = painter.colorize((grey.astype(float) * scale).astype(dtype))
        assert (rgb.shape, rgb.dtype) == ((75, 113, 3), dtype)
        assert np.ptp(rgb / scale, axis=2).mean() > 5

    def test_all_else_gives_a_pil_image(self, painter: Colorizer, grey: Array, tmp_path: Path) -> None:
        """A PIL image, a path, the bytes of a file and a binary file all give the same PIL image."""
        path = tmp_path / "grey.png"
        path.write_bytes(encode(grey))
        with path.open("rb") as file:
            sources = [Image.fromarray(grey), path, str(path), path.read_bytes(), file]
            pictures = [painter.colorize(source) for source in sources]
        assert all(isinstance(picture, Image.Image) for picture in pictures)
        assert all(np.array_equal(picture, painter.colorize(grey)) for picture in pictures)

    @given(st.integers(1, 70), st.integers(1, 70))
    @settings(max_examples=25)
    def test_any_size_comes_back(self, painter: Colorizer, plain: Colorizer, height: int, width: int) -> None:
        """A photo of any height and width comes back with that height and width."""
        for colorizer in (painter, plain):
            assert colorizer.colorize(np.full((height, width), 120, np.uint8)).shape == (height, width, 3)

    @pytest.mark.parametrize("shape", [(1, 3000), (3000, 1)])
    def test_extreme_proportions_come_back(self, lite: Colorizer, shape: tuple[int, int]) -> None:
        """A strip one pixel wide comes back, whatever the network makes of its proportions."""
        assert lite.colorize(np.full(shape, 120, np.uint8)).shape == (*shape, 3)

    @pytest.mark.parametrize("photo", [skimage.data.camera(), skimage.data.coffee()], ids=["grey", "color"])
    def test_light_stays(self, painter: Colorizer, photo: Array) -> None:
        """L of the result is the photo's own to half a unit, for color photos too."""
        rgb = photo if photo.ndim == 3 else np.repeat(photo[..., None], 3, axis=2)
        difference = rgb2lab(painter.colorize(photo))[..., 0] - rgb2lab(rgb)[..., 0]
        assert np.abs(difference).max() <= 0.5

    def test_no_saturation_is_too_high(self, painter: Colorizer, grey: Array) -> None:
        """However large the factor on the chroma, the result is a picture."""
        high, highest = (painter.colorize(grey, saturation=factor) for factor in (1e12, 1e300))
        assert np.array_equal(high, highest)

    def test_strength_and_saturation_scale_the_color(self, painter: Colorizer, grey: Array) -> None:
        """At strength or saturation 0 the photo is grey; half of either gives half the chroma."""
        full = chroma(Image.fromarray(painter.colorize(grey)))
        for option in ("strength", "saturation"):
            none, half = (
                chroma(Image.fromarray(painter.colorize(grey, **{option: share}))) for share in (0.0, 0.5)
            )
            assert none < 0.01
            assert half == pytest.approx(full / 2, rel=0.1)

    @pytest.mark.parametrize("kind", ["bool", "float", "uint8", "pil", "deep", "turned"])
    def test_keep_leaves_the_photo_as_it_is(self, painter: Colorizer, kind: str) -> None:
        """Where the mask is set, every pixel of the photo stays, its own colors included."""
        photo = skimage.data.coffee()[:80, :100]
        chosen = np.zeros((80, 100), bool)
        chosen[20:50, 30:90] = True
        turned = Image.fromarray(chosen[::-1, ::-1])
        turned.getexif()[ExifTags.Base.Orientation] = 3
        mask = {
            "bool": chosen,
            "float": chosen.astype(float),
            "uint8": chosen * np.uint8(255),
            "pil": Image.fromarray(chosen),
            "deep": Image.fromarray(np.where(chosen, 65535, 100).astype(np.uint16)),  # 100 is nearly nothing
            "turned": turned,
        }[kind]
        rgb = painter.colorize(photo, keep=mask)
        assert np.array_equal(rgb[chosen], photo[chosen])
        assert np.array_equal(rgb[~chosen], painter.colorize(photo)[~chosen])

    @pytest.mark.parametrize(
        ("options", "error", "words"),
        [
            ({"temperature": 1.5}, errors.RangeError, r"temperature: expected a number in \[0, 1\], got 1.5"),
            ({"temperature": float("nan")}, errors.RangeError, "temperature: .* got nan"),
            ({"temperature": "warm"}, errors.KindError, "temperature: expected a number, got 'warm'"),
            ({"saturation": -1}, errors.RangeError, "saturation: .* at least 0, got -1"),
            ({"saturation": float("inf")}, errors.RangeError, "saturation: .* got inf"),
            ({"strength": 2}, errors.RangeError, "strength: .* got 2"),
            (
                {"temperature": 10**400},
                errors.RangeError,
                r"temperature: .* got one past the range of floats",
            ),
            ({"temprature": 0.3}, TypeError, "unexpected keyword argument 'temprature'"),
            ({"keep": np.zeros((2, 2), bool)}, errors.ShapeError, r"keep: expected shape \(75, 113\)"),
            ({"keep": np.full((75, 113), 2.0)}, errors.RangeError, r"keep: expected numbers in \[0, 1\]"),
            ({"keep": np.zeros((75, 113), int)}, errors.KindError, "keep: expected bools, floats .* int64"),
            ({"keep": "sky"}, errors.KindError, "keep: expected an array or a PIL image, got str"),
            ({"hints": Hint(1, 1, "red")}, errors.KindError, "hints: expected a sequence of Hint, got Hint"),
            (
                {"hints": [(1, 1, "red")]},
                errors.KindError,
                "hints: expected a sequence of Hint, got tuple in it",
            ),
        ],
        ids=str,
    )
    def test_bad_options_are_told_in_words(
        self, painter: Colorizer, grey: Array, options: dict[str, Any], error: type[Exception], words: str
    ) -> None:
        """An option out of its range is an error that names it, what was expected and what came."""
        with pytest.raises(error, match=words):
            painter.colorize(grey, **options)

    @pytest.mark.parametrize(
        ("settings", "error", "words"),
        [
            ({"upsample": "cubic"}, errors.OptionError, "upsample: expected one of guided, bilinear"),
            ({"gamut": "wrap"}, errors.OptionError, "gamut: expected one of map, clip, got 'wrap'"),
            ({"protocol": "paper"}, errors.OptionError, "protocol: expected one of photo, released"),
            (
                {"network_size": 0},
                errors.OptionError,
                r"network_size: expected an integer in 32..2048, got 0",
            ),
            ({"network_size": True}, errors.OptionError, "network_size: expected an integer .*, got True"),
            ({"network_size": 64.5}, errors.OptionError, r"network_size: expected an integer .*, got 64\.5"),
            (
                {"protocol": "released", "gamut": "map"},
                errors.OptionError,
                "gamut: .*protocol='released' fixes it",
            ),
            (
                {"protocol": "released", "network_size": 64},
                errors.OptionError,
                "network_size: .*protocol='released' fixes it",
            ),
            ({"max_pixels": 0}, errors.OptionError, "max_pixels: expected an integer of at least 1, or None"),
            ({"max_pixels": 1e6}, errors.OptionError, "max_pixels: expected"),
            ({"network": 64}, TypeError, "unexpected keyword argument 'network'"),
        ],
        ids=str,
    )
    def test_bad_settings_are_told_in_words(
        self, settings: dict[str, Any], error: type[Exception], words: str
    ) -> None:
        """A setting that is not offered is an error when the colorizer is made."""
        with pytest.raises(error, match=words):
            Colorizer.from_pretrained("lite", device="cpu", **settings)

    def test_the_limit_of_pixels_is_a_setting(self, grey: Array) -> None:
        """A colorizer refuses files beyond its own limit, also among many, and None takes any size."""
        network = Painter(NetworkConfig(network_size=32))
        strict = Colorizer(network, device="cpu", max_pixels=grey.size - 1)
        for color in (strict.colorize, lambda photo: list(strict.colorize_many([photo]))):
            with pytest.raises(errors.ImageTooLargeError, match="expected at most"):
                color(encode(grey))
        with pytest.raises(errors.ImageTooLargeError, match="expected at most"):
            strict.predict(grey[:8, :8]).like(encode(grey))
        lenient = Colorizer(network, device="cpu", max_pixels=None)
        assert lenient.colorize(encode(grey)).size == grey.shape[::-1]

    def test_a_tuned_colorizer_shares_the_network(self, painter: Colorizer, grey: Array) -> None:
        """``tuned`` gives other defaults to the same network, and leaves the first colorizer as it is."""
        tuned = painter.tuned(temperature=0.9, strength=0.5)
        assert tuned.network is painter.network
        assert np.array_equal(tuned.colorize(grey), painter.colorize(grey, temperature=0.9, strength=0.5))
        assert np.array_equal(tuned.colorize(grey, strength=1), painter.colorize(grey, temperature=0.9))
        assert np.array_equal(tuned.tuned(temperature=None).colorize(grey), tuned.colorize(grey))
        assert painter.look["strength"] == 1

    def test_the_default_model_is_loaded_once(
        self, painter: Colorizer, grey: Array, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However many threads call it first, ``colorful.colorize`` loads the default model once."""
        loads: list[None] = []
        monkeypatch.setattr("colorful.default._default", None)
        monkeypatch.setattr(Colorizer, "from_pretrained", lambda: loads.append(None) or painter)
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _: colorful.colorize(grey), range(4)))
        assert len(loads) == 1
        assert all(np.array_equal(rgb, painter.colorize(grey)) for rgb in results)


class TestModels:
    def test_what_a_model_cannot_do_names_those_that_can(self, plain: Colorizer, grey: Array) -> None:
        """Temperature and hints given to a model without them are errors that name the models with them."""
        with pytest.raises(errors.UnsupportedOptionError, match=r"temperature: .*these can: lite, eccv16"):
            plain.colorize(grey, temperature=0.5)
        with pytest.raises(errors.UnsupportedOptionError, match=r"hints: .*these can: lite, siggraph17"):
            plain.colorize(grey, hints=[Hint(1, 1, "red")])
        assert (plain.takes_hints, plain.has_temperature) == (False, False)

    @pytest.mark.parametrize("device", ["cuda", "cuda:7", "nonsense", "meta", "cpu:x"])
    def test_a_device_that_is_not_there_is_an_error(self, device: str) -> None:
        """A wish for a device that cannot be met is an error, never a silent fallback."""
        if device.startswith("cuda") and torch.cuda.is_available():
            pytest.skip("there is a GPU")
        with pytest.raises(errors.DeviceError, match=f"device: .* got '{device}'"):
            Colorizer(Painter(), device=device)

    def test_wrong_arguments_are_told_in_words(self) -> None:
        """A network that is none, and a dtype that is not offered, are errors of ours."""
        with pytest.raises(errors.KindError, match=r"network: expected a colorful.models.Network, got str"):
            Colorizer("lite")  # type: ignore[arg-type]
        with pytest.raises(errors.KindError, match=r"model: expected a name, .* got NoneType"):
            Colorizer.from_pretrained(None)  # type: ignore[arg-type]
        with pytest.raises(errors.OptionError, match="dtype: expected one of float32, bfloat16"):
            Colorizer(Painter(), dtype="int8")  # type: ignore[arg-type]

    def test_a_dtype_may_be_torchs_own(self) -> None:
        """``torch.bfloat16`` means ``"bfloat16"``."""
        assert Colorizer(Painter(), device="cpu", dtype=torch.bfloat16).dtype == "bfloat16"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    def test_it_works_in_a_process_that_was_forked(self) -> None:
        """A forked process can go on with what its parent made, though it lacks the parent's threads."""
        script = """
import os, pickle, numpy, torch
from colorful import Colorizer
from colorful.models import NetworkConfig, create
torch.set_num_threads(2)
colorizer = Colorizer(create("lite", NetworkConfig(network_size=128)), device="cpu")
photo = numpy.full((1000, 1000), 0.5)
prediction = colorizer.predict(photo)
before = prediction.rgb()
pickled = pickle.dumps(colorizer)
for again in (
    lambda: colorizer.colorize(photo),
    lambda: pickle.loads(pickled).colorize(photo),
    lambda: prediction.rgb(),
):
    child = os.fork()
    if child == 0:
        os._exit(0 if numpy.allclose(again(), before, atol=1e-4) else 1)
    if os.waitpid(child, 0)[1]:
        raise SystemExit(1)
"""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
        # A process group, so that a child which hangs ends with its parent.
        process = subprocess.Popen([sys.executable, "-c", script], env=environment, start_new_session=True)
        try:
            assert process.wait(timeout=30) == 0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def test_the_network_given_is_left_as_it_is(self, grey: Array) -> None:
        """A network in training goes on in training, and learning on does not change the colorizer."""
        network = create("lite", NetworkConfig(network_size=64)).train()
        colorizer = Colorizer(network, device="cpu")
        before = colorizer.colorize(grey)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(1)
        assert network.training
        assert all(parameter.requires_grad for parameter in network.parameters())
        assert np.array_equal(colorizer.colorize(grey), before)

    def test_threads_give_what_one_thread_gives(self, lite: Colorizer) -> None:
        """One colorizer serves many threads, with the pictures that one thread gets."""
        photos = [skimage.data.coffee()[:90, shift : shift + 120] for shift in range(0, 320, 40)]
        serial = [lite.colorize(photo) for photo in photos]
        with ThreadPoolExecutor(8) as pool:
            parallel = list(pool.map(lite.colorize, photos))
        assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(serial, parallel, strict=True))

    def test_a_pickled_colorizer_is_the_same(self, lite: Colorizer, grey: Array) -> None:
        """A colorizer that went through pickle gives the same pictures."""
        again = pickle.loads(pickle.dumps(lite))
        assert repr(again) == repr(lite)
        assert np.array_equal(again.colorize(grey), lite.colorize(grey))

    def test_a_look_travels_and_stays_fixed(self, lite: Colorizer, grey: Array) -> None:
        """The look can be pickled alone, and neither a copy nor what comes out of a pickle can be changed."""
        for holder in (lite, lite.tuned(temperature=0.2), lite.predict(grey)):
            for look in (holder.look, pickle.loads(pickle.dumps(holder)).look, copy.deepcopy(holder).look):
                assert pickle.loads(pickle.dumps(look)) == copy.deepcopy(look) == dict(holder.look)
                with pytest.raises(TypeError):
                    look["temperature"] = 1.0

    def test_a_pickle_finds_its_device_anew(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where it is unpickled a colorizer takes the device that was wanted, or the best that is there."""
        packed = pickle.dumps(Colorizer(Painter(NetworkConfig(network_size=32)), device="auto"))
        assert pickle.loads(packed).device == find_device("auto")
        monkeypatch.setattr("colorful.loaded.find_device", lambda wanted: torch.device("cpu", 0))
        assert pickle.loads(packed).device == torch.device("cpu", 0)

    def test_a_saved_model_is_the_same(self, lite: Colorizer, grey: Array, tmp_path: Path) -> None:
        """What ``save_pretrained`` writes, ``from_pretrained`` loads, bit for bit."""
        folder = lite.save_pretrained(tmp_path / "mine")
        again = Colorizer.from_pretrained(folder, device="cpu")
        assert np.array_equal(again.colorize(grey), lite.colorize(grey))

    def test_a_model_is_saved_with_what_it_came_with(self, tmp_path: Path) -> None:
        """The card and how the network was trained go along, through a pickle too; no other README does."""
        told, network = {"steps": 9}, create("lite")
        first = hub.save_pretrained(network, tmp_path / "a", card="# Postcards", training=told)
        loaded = pickle.loads(pickle.dumps(Colorizer.from_pretrained(first, device="cpu")))
        again = loaded.save_pretrained(tmp_path / "b")
        assert json.loads((again / "config.json").read_bytes())["training"] == told
        assert (again / "README.md").read_text() == "# Postcards"
        (again / "config.json").unlink()
        alone = Colorizer.from_pretrained(again / "model.safetensors", device="cpu")
        assert "Postcards" not in (alone.save_pretrained(tmp_path / "c") / "README.md").read_text()

    def test_a_loaded_network_is_read_again_when_asked_for(self, tmp_path: Path, grey: Array) -> None:
        """The network of a loaded model is the one in its file, to the bit, as long as that is there."""
        original = create("eccv16")
        folder = Colorizer(original, device="cpu").save_pretrained(tmp_path / "model")
        colorizer = Colorizer.from_pretrained(folder, device="cpu")
        expected = original.state_dict()
        for _ in range(2):
            network = colorizer.network
            assert all(torch.equal(tensor, expected[name]) for name, tensor in network.state_dict().items())
        assert network is colorizer.network
        other = Colorizer.from_pretrained(folder, device="cpu")
        weights = folder / "model.safetensors"
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
        with pytest.raises(errors.WeightsIntegrityError, match="got another"):
            _ = other.network
        weights.unlink()
        with pytest.raises(errors.WeightsNotFoundError):
            _ = other.network
        assert other.colorize(grey).shape == (75, 113, 3)

    @pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")
    def test_a_loaded_model_lets_go_of_its_file(self, tmp_path: Path) -> None:
        """What a loaded model computes with is in memory: its file may be replaced or cut."""
        Colorizer(create("lite"), device="cpu").save_pretrained(tmp_path)
        colorizers = [
            Colorizer.from_pretrained(tmp_path, device="cpu", dtype=dtype)
            for dtype in ("float32", "bfloat16")
        ]
        assert str(tmp_path) not in Path("/proc/self/maps").read_text()
        del colorizers

    def test_the_folder_may_change_after_loading(
        self, lite: Colorizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A model that was loaded by a relative path can be saved and pickled from another folder."""
        monkeypatch.chdir(lite.save_pretrained(tmp_path / "model").parent)
        colorizer = Colorizer.from_pretrained("model", device="cpu")
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir("elsewhere")
        assert pickle.loads(pickle.dumps(colorizer)).network.config == lite.network.config

    def test_bfloat16_is_near_to_float32(self, lite: Colorizer, grey: Array) -> None:
        """In bfloat16 the colors stay near to those in float32, and predictions are float32."""
        half = Colorizer(lite.network, device="cpu", dtype="bfloat16")
        prediction = half.predict(grey)
        assert prediction.logits.dtype == torch.float32
        assert (prediction.ab() - lite.predict(grey).ab()).abs().mean() < 1

    def test_without_a_compiler_the_error_says_so(
        self, lite: Colorizer, grey: Array, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the network cannot be compiled, the first photo's error says so in words."""

        def fail(*inputs: Tensor) -> Tensor:
            raise RuntimeError("No working C++ compiler found\nlong story")

        monkeypatch.setattr(torch, "compile", lambda network: fail)
        colorizer = Colorizer(lite.network, device="cpu", compile=True)
        with pytest.raises(errors.DeviceError, match=r"compile: .* got: No working C\+\+ compiler found$"):
            colorizer.colorize(grey)

    def test_the_networks_size_follows_its_fit(self, grey: Array) -> None:
        """A network of fit ``keep`` sees the photo in its proportions, one of fit ``stretch`` as a square."""
        for fit, expected in (("stretch", (64, 64)), ("keep", (56, 80))):
            network = Painter(NetworkConfig(network_size=64, fit=fit))  # type: ignore[arg-type]
            prediction = Colorizer(network, device="cpu").predict(grey)
            assert tuple(prediction.light.shape) == (1, *expected)


class TestColorizeMany:
    def test_batches_give_what_single_photos_give(self, lite: Colorizer) -> None:
        """Photos of several sizes, in batches, come in order and within 1/255 of those done singly."""
        photos = [skimage.data.coffee()[: 60 + 30 * (n % 3), : 150 - 20 * n] for n in range(5)]
        seen: list[int] = []
        batched = list(lite.colorize_many(photos, batch_size=3, progress=seen.append))
        assert seen == [1, 2, 3, 4, 5]
        for photo, rgb in zip(photos, batched, strict=True):
            assert isinstance(rgb, np.ndarray)
            assert np.abs(rgb.astype(int) - lite.colorize(photo)).max() <= 1

    def test_it_is_lazy(self, painter: Colorizer, grey: Array) -> None:
        """Not more than one batch is read before the first picture comes."""
        taken: list[int] = []

        def photos() -> Iterator[Array]:
            for number in range(100):
                taken.append(number)
                yield grey

        next(painter.colorize_many(photos(), batch_size=4))
        assert len(taken) == 4

    def test_a_broken_photo_costs_none_before_it(self, painter: Colorizer, grey: Array) -> None:
        """Pictures of the photos before a broken one are yielded, then its error is raised."""
        pictures = painter.colorize_many([encode(grey), encode(grey), b"no picture", encode(grey)])
        assert next(pictures)
        assert next(pictures)
        with pytest.raises(errors.ImageError):
            next(pictures)

    def test_options_are_checked_at_the_call(self, plain: Colorizer) -> None:
        """A bad option is an error at the call, not at the first picture."""
        for batch_size in (0, 2.5):
            with pytest.raises(
                errors.OptionError, match=f"batch_size: expected an integer .*, got {batch_size}"
            ):
                plain.colorize_many([], batch_size=batch_size)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "photo",
        ["photo.jpg", b"", io.BytesIO(), Image.new("L", (2, 2)), np.zeros((9, 9, 3)), np.zeros((9, 9))],
    )
    def test_a_single_photo_is_an_error(self, plain: Colorizer, photo: Any) -> None:
        """One photo is not taken for a collection of characters, lines or rows."""
        with pytest.raises(errors.KindError, match="photos: expected several, got a single one"):
            plain.colorize_many(photo)

    def test_a_stack_is_several_photos(self, plain: Colorizer) -> None:
        """An array of one axis more holds photos, grey or in color."""
        for stack in (np.zeros((2, 9, 8)), np.zeros((2, 9, 8, 3))):
            assert [np.shape(rgb) for rgb in plain.colorize_many(stack)] == [(9, 8, 3)] * 2


class TestColorizeFile:
    def test_wrong_arguments_are_said_before_the_work(self, painter: Colorizer, tmp_path: Path) -> None:
        """What is no path, and an option that there is not, is an error before anything is read."""
        with pytest.raises(errors.KindError, match="source: expected a path, got ndarray"):
            painter.colorize_file(np.zeros((4, 4)), tmp_path / "a.png")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="'qualty'; expected format, quality"):
            painter.colorize_file(tmp_path / "none.png", tmp_path / "a.png", qualty=9)  # type: ignore[call-arg]

    def test_a_16_bit_scan_stays_16_bit(self, painter: Colorizer, grey: Array, tmp_path: Path) -> None:
        """A 16-bit TIFF gives a 16-bit TIFF of three channels."""
        tifffile.imwrite(tmp_path / "scan.tif", grey.astype(np.uint16) * 257)
        path = painter.colorize_file(tmp_path / "scan.tif", tmp_path / "out.tif")
        result = tifffile.imread(path)
        assert (result.shape, result.dtype) == ((75, 113, 3), np.uint16)

    def test_what_is_there_stays(self, painter: Colorizer, grey: Array, tmp_path: Path) -> None:
        """A file that is there is not replaced unless asked, and not by half when it is."""
        source, target = tmp_path / "grey.png", tmp_path / "color.png"
        source.write_bytes(encode(grey))
        target.write_bytes(b"mine")
        with pytest.raises(errors.OutputExistsError, match=r"color\.png: exists"):
            painter.colorize_file(source, target)
        assert target.read_bytes() == b"mine"
        painter.colorize_file(source, target, overwrite=True)
        assert np.array_equal(Image.open(io.BytesIO(target.read_bytes())), painter.colorize(grey))

    def test_the_photo_itself_stays(self, painter: Colorizer, grey: Array, tmp_path: Path) -> None:
        """Overwriting is for results: not even a link to the photo is taken for a target."""
        source, link = tmp_path / "grey.png", tmp_path / "link.png"
        source.write_bytes(encode(grey))
        link.symlink_to(source)
        for target in (source, link):
            with pytest.raises(errors.OutputExistsError, match=r"is the photo itself"):
                painter.colorize_file(source, target, overwrite=True)
        assert source.read_bytes() == encode(grey)


class TestHints:
    def test_a_hint_acts_where_it_is_put(self, grey: Array) -> None:
        """Around a hint the mean ab moves toward its color by at least half the distance, far away not."""
        painter = Colorizer(Painter(), device="cpu")
        hint = Hint(x=30, y=40, color="#c03020", radius=8)
        before, after = (rgb2lab(painter.colorize(grey, hints=hints))[..., 1:] for hints in ((), (hint,)))
        target = rgb2lab(np.array([[[0xC0, 0x30, 0x20]]], np.uint8))[0, 0, 1:]
        y, x = np.mgrid[:75, :113] + 0.5
        near = (x - 30) ** 2 + (y - 40) ** 2 <= 8**2
        distances = [np.linalg.norm(ab[near].mean(axis=0) - target) for ab in (before, after)]
        assert distances[1] <= distances[0] / 2
        assert np.abs(after - before)[:, 70:].max() < 1

    def test_a_hint_acts_with_the_bundled_model(self) -> None:
        """With ``lite`` a hint moves its own region's mean ab at least half of the way to its color."""
        lite, photo = Colorizer.from_pretrained("lite", device="cpu"), skimage.data.coffee()
        y, x = np.mgrid[:400, :600] + 0.5
        near = (x - 500) ** 2 + (y - 330) ** 2 <= 20**2
        for color in ("#c03020", "#2f6db5", "#3a7d44"):
            target = rgb2lab(np.array([[list(bytes.fromhex(color[1:]))]], np.uint8))[0, 0, 1:]
            before, after = (
                np.linalg.norm(rgb2lab(lite.colorize(photo, hints=hints))[near][:, 1:].mean(axis=0) - target)
                for hints in ((), (Hint(500, 330, color, 20),))
            )
            assert after <= before / 2

    def test_hints_outside_the_photo_are_an_error(self, painter: Colorizer, grey: Array) -> None:
        """A hint outside the photo is an error that tells the photo's size."""
        with pytest.raises(errors.HintError, match=r"inside the photo of 113 x 75 pixels, got \(200, 3\)"):
            painter.colorize(grey, hints=[Hint(200, 3, "red")])


def test_a_shared_colorizer_can_be_called_while_another_thread_predicts(lite: Colorizer, grey: Array) -> None:
    """A prediction made in one thread decodes in another."""
    predictions: list[Any] = []
    thread = threading.Thread(target=lambda: predictions.append(lite.predict(grey)))
    thread.start()
    thread.join()
    assert np.array_equal(predictions[0].rgb(), lite.colorize(grey))
