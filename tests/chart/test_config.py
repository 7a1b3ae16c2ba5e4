"""The rendered curfew.toml says what the values say, to the letter."""

import subprocess
import tomllib

import pytest
from chart import EXAMPLES, ROOT, config, example, issuer, render, render_all

ODD = [
    "", " ", "quote \" and ' and ''' and \"\"\"", "back\\slash \\n \\u0041 \\", "line\nbreak\r\n", "\ttab", "# no comment",
    "[[issuer]]", "key = 1", "yes", "1e3", "/slash/", "<&>", "{{ .Values.secret }}", "ünïcödé 漢字 🦀",
    "\u00a0 \u200b \u2028 \u2029",
    "\u0001 \b \f \u001f", "\u007f", "\u0085", "\ufeff", "- ", ": ", "| ", "*a", "%TAG", "\U0010fffd",
]


def test_what_the_chart_fixes():
    read = config(render())
    assert read["grpc"] == {"listen": "0.0.0.0:50051", "insecure": True, "reflection": True}
    assert read["store"] == {"path": "/var/lib/curfew", "retention": "forever"}
    assert read["log"] == {"format": "json", "level": "info"}
    assert read["shutdown"] == {"drain_delay": "5s", "grace": "20s"}
    assert read["runtime"] == {}
    assert read["connections"]["max_age"] == "30m"
    assert read.keys() == {
        "grpc", "runtime", "token_cache", "connections", "limits", "store", "log", "shutdown", "issuer",
    }


def test_the_front_desk_is_there_only_where_it_is_opened():
    assert "http" not in config(render())
    opened = config(render(config={"http": {"enabled": True}}))
    assert opened["http"] == {
        "listen": "0.0.0.0:8080", "insecure": True, "max_connections": 1000, "request_timeout": "10s",
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_configuration_equals_the_values(name):
    values = example(name)
    read = config(render_all(values))
    assert read["issuer"] == values["issuers"]
    for section, fields in values.get("config", {}).items():
        if section == "http":
            fields = {**fields, "client": fields["clients"]}
            del fields["enabled"], fields["clients"]
        assert fields.items() <= read[section].items(), section


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_odd_strings_arrive_intact(text):
    odd = issuer(issuer="i" + text, audiences=["a" + text, text + "b"], types=["t" + text],
                 keys={"pem_file": "/" + text, "kid": "k" + text})
    assert config(render(issuers=[odd, issuer()]))["issuer"] == [odd, issuer()]


def test_no_secret_is_in_the_configuration():
    objects = render_all(example("every-value"))
    assert not any(kind == "Secret" for kind, _ in objects)
    (text,) = (str(one) for (kind, _), one in objects.items() if kind == "ConfigMap")
    assert "/etc/curfew/secrets/hs256/secret" in text
    assert "curfew-hs256" not in text


@pytest.mark.parametrize("name", EXAMPLES)
def test_render_config_prints_it_for_other_tests(name):
    done = subprocess.run([ROOT / "tests/chart/render-config", EXAMPLES[name]], text=True, capture_output=True, check=True)
    assert tomllib.loads(done.stdout) == config(render_all(example(name)))
