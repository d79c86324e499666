"""Settings: where they come from, what they may be, and what one is told when they may not."""

import stat
from pathlib import Path

import msgspec
import pytest

from livestream.config import Limits, Settings, SettingsError, usable_cores, variables


def test_defaults_need_nothing_from_outside() -> None:
    settings = Settings.load({})
    assert settings == Settings()
    assert settings.redis_url is None
    assert (settings.control_port, settings.gateway_port) == (8080, 8081)
    assert settings.walk_in is False
    assert settings.gateway_count() == usable_cores()


def test_the_environment_goes_before_defaults_and_options_before_the_environment() -> None:
    env = {"LIVESTREAM_CONTROL_PORT": "9000", "LIVESTREAM_GATEWAYS": "3", "HOME": "/root"}
    settings = Settings.load(env, gateways=5, redis_url=None)
    assert settings.control_port == 9000
    assert settings.gateway_count() == 5
    assert settings.redis_url is None


def test_every_kind_of_value_is_read_from_text() -> None:
    settings = Settings.load(
        {
            "LIVESTREAM_WALK_IN": "true",
            "LIVESTREAM_VAR_DIR": "/srv/live",
            "LIVESTREAM_REDIS_URL": "redis://redis:6379",
            "LIVESTREAM_LIMIT_CHAT_PER_S": "0.5",
            "LIVESTREAM_LOG_FORMAT": "json",
            "LIVESTREAM_METRICS_DIR": "",
        }
    )
    assert settings.walk_in is True
    assert settings.redis_dir() == Path("/srv/live/redis")
    assert settings.redis_url == "redis://redis:6379"
    assert settings.limits == Limits(chat_per_s=0.5)
    assert settings.log_format == "json"
    assert settings.shared_metrics_dir() == Path("/srv/live/metrics")


def test_limits_may_be_handed_over_whole() -> None:
    assert Settings.load({}, limits=Limits(chat_burst=9)).limits.chat_burst == 9


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("CONTROL_PORT", "http", "a whole number from 0 to 65535"),
        ("CONTROL_PORT", "65536", "a whole number from 0 to 65535"),
        ("GATEWAYS", "0", "a whole number from 1 to 256"),
        ("WALK_IN", "maybe", "true or false"),
        ("LOG_LEVEL", "loud", "one of debug, error, info, warning"),
        ("LIMIT_CHAT_PER_S", "0", "a number above 0, 1000 at most"),
        ("LIMIT_VIEWERS_MAX", "-1", "a whole number, 1 or more"),
        ("GATEWAY_URL", "http://shop", "matches ^wss?://"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_one_line_that_says_what_can(
    variable: str, value: str, told: str
) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.load({f"LIVESTREAM_{variable}": value})
    line = str(refusal.value)
    assert line.startswith(f"LIVESTREAM_{variable} is '{value}', but must be ")
    assert told in line
    assert "\n" not in line


def test_an_option_that_cannot_be_is_refused_as_a_variable_is() -> None:
    with pytest.raises(SettingsError, match="gateway_port is 70000, but must be a whole number"):
        Settings.load({}, gateway_port=70_000)


@pytest.mark.parametrize("variable", ["LIVESTREAM_CONTROL_PROT", "LIVESTREAM_LIMIT_CHAT_PERS"])
def test_a_misspelt_variable_is_refused_with_the_name_it_resembles(variable: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable}: there is no .* did you mean LIVESTREAM_"):
        Settings.load({variable: "1"})


def test_every_variable_is_described_and_accepts_its_own_default() -> None:
    listed = list(variables())
    fields = len(msgspec.structs.fields(Settings)) - 1 + len(msgspec.structs.fields(Limits))
    assert len({name for name, _, _ in listed}) == fields
    for name, description, default in listed:
        assert description, name
        if default is not None:
            assert Settings.load({name: str(default).lower()}) == Settings()


def test_a_short_secret_is_refused_without_being_shown() -> None:
    with pytest.raises(SettingsError, match="32 characters or more") as refusal:
        Settings.load({"LIVESTREAM_SECRET": "hunter2"})
    assert "hunter2" not in str(refusal.value)


def test_secrets_do_not_show_when_settings_are_logged() -> None:
    settings = Settings(secret="s" * 32, redis_url="redis://:password@redis")
    assert "sss" not in repr(settings)
    assert "password" not in repr(settings)
    assert "control_port=8080" in repr(settings)


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path / "var")
    key = settings.signing_key()
    assert len(key) >= 32
    assert settings.signing_key() == key
    assert Settings(var_dir=tmp_path / "var").signing_key() == key
    assert Settings(var_dir=tmp_path / "other").signing_key() != key
    assert stat.S_IMODE((tmp_path / "var" / "secret").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secret"]


def test_the_keys_of_certificates_are_made_once_and_only_their_owner_may_read_them(
    tmp_path: Path,
) -> None:
    settings = Settings(var_dir=tmp_path / "var")
    assert settings.certificate_key_set(lambda: "made") == "made"
    assert settings.certificate_key_set(lambda: "made again") == "made"
    kept = tmp_path / "var" / "certificate-keys.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_given_keys_of_certificates_are_read_and_nothing_is_made(tmp_path: Path) -> None:
    given = tmp_path / "keys.json"
    settings = Settings(var_dir=tmp_path / "var", certificate_keys=given)
    with pytest.raises(SettingsError, match="certificate_keys: "):
        settings.certificate_key_set(lambda: "made")
    given.write_text("given")
    assert settings.certificate_key_set(lambda: "made") == "given"
    assert not (tmp_path / "var").exists()


def test_a_given_secret_touches_no_file(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path / "var", secret="k" * 40)
    assert settings.signing_key() == "k" * 40
    assert not (tmp_path / "var").exists()


def test_a_kept_secret_that_was_cut_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("cut\n")
    with pytest.raises(SettingsError, match="shorter than 32 characters"):
        Settings(var_dir=tmp_path).signing_key()
