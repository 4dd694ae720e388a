"""A made-up maker with two families, small enough that a test can say all that its phones get."""

from __future__ import annotations

from pathlib import Path

from provisioner import families, providers
from provisioner.admin import Admin, sites
from provisioner.boot import Booter
from provisioner.config import Config
from tests import recorded

MAC, OTHER, NEAR = "02ac0e000001", "02ac0e000002", "02ac0e000011"
ADDRESS = "212@sip.example.com"

DESK = """
name = "Acme desk phones"
vendor = "Acme"
[identify]
ouis = ["02ac0e"]
user_agents = ["Acme {model} {firmware}"]
[provisioning]
most = 80
[notify]
resync = "check-sync;reboot=false"
source = "made up"
[[files]]
match = "{mac}.acme"
template = "phone.acme.j2"
empty = "%EMPTY%"
[[raw]]
templates = ["phone.acme.j2"]
line = "{name} = {value}"
[[files]]
match = "general.acme"
[settings]
language = "pt"
[cannot]
xcap_root = { why = "no parameter", source = "made up" }
tones = { why = "the phone has one set of tones", source = "made up" }
[restarts]
settings = ["admin_password"]
source = "made up"
[maps.key]
line = 1
blf = 2
speed-dial = 3
[models.Two]
lines = 2
keys = 4
modules = 1
module_keys = 8
source = "made up"
confidence = "doc"
[models.Unsure]
lines = 2
keys = 4
source = "made up"
confidence = "recalled"
[models.One]
lines = 1
keys = 1
source = "made up"
confidence = "peer2+"
"""

TEMPLATE = """\
url = {{ url.provisioning }}
zone = {{ set.timezone }}
admin = {{ set.admin_password }}
{% for line in lines %}
{% if line.used %}
line.{{ line.n }} = {{ line.user }}
pass.{{ line.n }} = {{ line.password }}
name.{{ line.n }} = {{ line.display_name }}
dtmf.{{ line.n }} = {{ line.set.dtmf }}
{% endif %}
{% endfor %}
{% for key in keys %}
{% if key.type is not none %}
key.{{ key.module }}.{{ key.n }} = {{ key.type }} {{ key.value }}
{% endif %}
{% endfor %}
"""

DOOR = """
name = "Acme door phones"
vendor = "Acme"
[identify]
ouis = ["02ac0d"]
user_agents = ["Acme Door {mac}"]
[[files]]
match = "door-{mac}.txt"
template = "door.j2"
[models.Door]
source = "made up"
"""


def folder(root: Path) -> Path:
    """Write both families below a folder; return it."""
    for slug, manifest, template, text in (("acme", DESK, "phone.acme.j2", TEMPLATE), ("acme-door", DOOR, "door.j2", "url = {{ url.provisioning }}\n")):
        place = root / "phones" / slug
        place.mkdir(parents=True)
        (place / "family.toml").write_text(manifest)
        (place / template).write_text(text)
    return root / "phones"


def admin(root: Path) -> Admin:
    """Return the operators' verbs over an empty store and a catalog that has both families."""
    catalog = families.load([folder(root)])
    config = Config(state=root / "state", phones_path=(root / "phones",))
    store = recorded.open_store(config.state)
    made = Admin(store, catalog, Booter(store, catalog, lambda event: None, providers=providers.load()), config, "anna", "test")
    sites.change(made, "default", {"public_url": "http://192.0.2.1:8080"})
    return made
