"""The table of phone settings: what an operator can say, in words of the field.

A row is one setting. `default` is what a phone gets where nobody says anything;
None means *left alone*: nothing is written, and what the phone's user chose stays.
A setting that was said once and taken back is written as its *off* value (see `off`),
so that the phone forgets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioner import kinds
from provisioner.errors import BadValue, UnknownName, nearest
from provisioner.kinds import Bool, Choice, Country, Dial, Host, HostPort, Int, Kind, Language, Many, Password, Text, Url, Zone


@dataclass(frozen=True)
class Setting:
    """One row of the vocabulary.

    per:    "device", or "line" for what an account or a line may say too.
    unit:   of a number; empty where it has none.
    may_strand: a wrong value can cut the phone off from this server (F23).
    """

    name: str
    kind: Kind
    default: Any
    help: str
    per: str = "device"
    unit: str = ""
    may_strand: bool = False

    @property
    def secret(self) -> bool:
        """True where the value must not be shown unasked."""
        return isinstance(self.kind, Password)

    @property
    def off(self) -> Any:
        """Return what is written once the setting was said and taken back: empty, zero or false."""
        return self.default if self.default is not None else self.kind.off

    def read(self, text: object) -> Any:
        """Return the typed value of what an operator wrote; raises BadValue with the cure."""
        try:
            return self.kind.read(text)
        except ValueError as why:
            raise BadValue(f"{self.name}: {why}" if str(text).strip() else self._not_empty()) from None

    def _not_empty(self) -> str:
        """Return the sentence for an empty value where the type has none."""
        back = "`unset` takes back what was said"
        if isinstance(self.kind, Int):
            return f"{self.name} is a number, {self.kind.say()}; write one, or {back}"
        if isinstance(self.kind, Bool) or (isinstance(self.kind, Choice) and "off" in self.kind.words):
            return f"{self.name} is switched off with {self.name}=off; {back}"
        return f"{self.name} cannot be switched off; {back}"


def _on_off(name: str, default: bool | None, help: str, **more: Any) -> Setting:
    return Setting(name, Bool(), default, help, **more)


KEY_TYPES: Mapping[str, str] = {
    "none": "a key that does nothing",
    "line": "a line of this phone; `line` says which",
    "blf": "busy lamp field: shows and picks up the extension in `value`",
    "blf-list": "the next entry of the BLF list of the line's resource list (RFC 4662)",
    "speed-dial": "dials `value`",
    "intercom": "calls `value` and asks it to answer by itself",
    "park": "parks a call at `value`, or takes it back",
    "pickup": "picks up the ringing call of `value`",
    "group-pickup": "picks up any ringing call of the group; `value` is the feature code",
    "dtmf": "sends the digits in `value` during a call",
    "prefix": "dials `value` in front of what is typed next",
    "voicemail": "calls the mailbox, and lights when there are messages (MWI)",
    "dnd": "do not disturb, on and off",
    "forward": "call forwarding, on and off; `value` may hold the target",
    "transfer": "transfers the call",
    "conference": "starts a conference",
    "hold": "holds the call",
    "redial": "dials the last number",
    "recall": "calls back the last caller",
    "record": "records the call",
    "mute": "mutes the microphone",
    "headset": "switches to the headset",
    "history": "opens the list of calls",
    "directory": "opens the phone's own directory",
    "phonebook": "opens the remote phone book",
    "ldap": "opens the LDAP directory",
    "menu": "opens the phone's menu",
    "status": "opens the phone's status",
    "paging": "pages the multicast address in `value`",
    "group-listening": "switches the loudspeaker on beside the handset",
    "lock": "locks the keys",
    "hot-desking": "signs a user in or out",
    "url": "fetches the URL in `value`",
    "xml": "opens the XML application at the URL in `value`",
    "shared-line": "a shared line appearance; `line` says which",
    "acd": "signs in to the call queue",
    "private-hold": "holds the call so that only this phone takes it back",
}

SETTINGS: tuple[Setting, ...] = (
    # Registration, per line
    Setting("registration", Choice("register", "none"), "register", "Whether the line registers, or only sends calls", per="line"),
    Setting("registration_expiry", Int(60, 86400), 3600, "How long a registration is asked for (RFC 3261, 10.2.1.1)", per="line", unit="seconds"),
    Setting("registration_retry", Int(5, 3600), None, "How long to wait after a failed registration", per="line", unit="seconds"),
    Setting("dns_mode", Choice("auto", "naptr", "srv", "a"), "auto", "How the registrar's address is looked up (RFC 3263); auto lets the port decide", per="line"),
    Setting("backup_registrar", HostPort(), None, "Second registrar, used when the first is silent", per="line"),
    Setting("backup_outbound_proxy", HostPort(), None, "Second outbound proxy, used when the first is silent", per="line"),
    Setting("session_timer", Bool(), None, "Session timers (RFC 4028)", per="line"),
    Setting("session_expiry", Int(90, 7200), None, "Session-Expires that the line asks for", per="line", unit="seconds"),
    Setting("prack", Bool(), None, "Reliable provisional responses (RFC 3262)", per="line"),
    Setting("caller_id_from", Choice("from", "p-asserted-identity", "remote-party-id"), None, "Header that names the caller", per="line"),
    Setting("anonymous_calls", Bool(), None, "Hide the own number in outgoing calls", per="line"),
    Setting("reject_anonymous", Bool(), None, "Refuse calls without a number", per="line"),
    # Media, per line
    Setting("codecs", Many(Choice("pcmu", "pcma", "g722", "g729", "opus", "ilbc", "g726-32", "g723")), ("g722", "pcma", "pcmu", "g729"), "Codecs, the preferred one first", per="line"),
    Setting("srtp", Choice("off", "optional", "required"), "off", "Encrypted media by SDES (RFC 4568)", per="line"),
    Setting("dtmf", Choice("rfc4733", "info", "inband", "rfc4733+info"), "rfc4733", "How key presses are sent during a call", per="line"),
    Setting("dtmf_payload", Int(96, 127), None, "Payload type of telephone events (RFC 4733)", per="line"),
    Setting("packet_time", Choice("10", "20", "30", "40", "60"), None, "Length of one RTP packet", per="line", unit="milliseconds"),
    Setting("voice_activity_detection", Bool(), None, "Send nothing during silence", per="line"),
    # NAT
    Setting("keep_alive", Choice("off", "packet", "options", "notify"), "packet", "What keeps the NAT binding open", per="line"),
    Setting("keep_alive_interval", Int(5, 3600), 30, "How often the NAT binding is refreshed", per="line", unit="seconds"),
    Setting("rport", Bool(), True, "Symmetric response routing (RFC 3581)", per="line"),
    Setting("stun_server", HostPort(), None, "STUN server; said means used (RFC 8489)"),
    Setting("sip_port", Int(1024, 65535), None, "Local SIP port"),
    Setting("rtp_port_first", Int(1024, 65534), None, "First local RTP port"),
    Setting("rtp_port_last", Int(1025, 65535), None, "Last local RTP port"),
    # Voicemail and calls, per line
    Setting("mwi_subscribe", Bool(), True, "Subscribe to the message waiting indication (RFC 3842)", per="line"),
    Setting("call_waiting", Bool(), True, "Show a second call during the first", per="line"),
    Setting("call_waiting_tone", Bool(), None, "Beep when a second call waits"),
    Setting("dnd", Bool(), None, "Do not disturb", per="line"),
    Setting("forward_always", Text(64), None, "Number that takes all calls; empty switches it off", per="line"),
    Setting("forward_busy", Text(64), None, "Number that takes calls while busy; empty switches it off", per="line"),
    Setting("forward_no_answer", Text(64), None, "Number that takes unanswered calls; empty switches it off", per="line"),
    Setting("forward_no_answer_after", Int(5, 120), None, "How long it rings before the call is forwarded", per="line", unit="seconds"),
    Setting("auto_answer", Bool(), None, "Answer every call by itself", per="line"),
    Setting("intercom", Bool(), None, "Answer calls that ask for it (Alert-Info, Call-Info)"),
    Setting("ring_tone", Int(1, 10), None, "The phone's own ring tone, by number", per="line"),
    Setting("feature_key_sync", Bool(), None, "Share DND and forwarding with the server (as-feature-event)", per="line"),
    Setting("blf_list", Text(128), None, "Resource list whose members the BLF-list keys show (RFC 4662)", per="line"),
    Setting("conference_uri", Text(128), None, "Conference server's address, where the server mixes", per="line"),
    # Dial plan
    Setting("dial_plan", Many(Dial(), most=32), ("*xx", "x+"), "Patterns that are dialled: digits, x any digit, [1-9] a choice, a final x+ one or more digits and a wait"),
    Setting("inter_digit_time", Int(1, 15), 4, "Wait after the last digit before dialling", unit="seconds"),
    Setting("emergency_numbers", Many(Text(16, "0123456789*#+"), most=16), ("112", "911", "999"), "Numbers dialled at once, also from a locked phone; those of the site's country are added"),
    Setting("pickup_code", Text(16), None, "Feature code: pick up a ringing extension"),
    Setting("group_pickup_code", Text(16), None, "Feature code: pick up any call of the group"),
    Setting("park_code", Text(16), None, "Feature code: park a call"),
    Setting("unpark_code", Text(16), None, "Feature code: take back a parked call"),
    Setting("dnd_on_code", Text(16), None, "Feature code: do not disturb on", per="line"),
    Setting("dnd_off_code", Text(16), None, "Feature code: do not disturb off", per="line"),
    Setting("forward_on_code", Text(16), None, "Feature code: forward all calls", per="line"),
    Setting("forward_off_code", Text(16), None, "Feature code: no longer forward", per="line"),
    Setting("hotline", Text(64), None, "Number dialled when the handset is lifted"),
    Setting("hotline_delay", Int(0, 10), None, "Wait before the hotline dials", unit="seconds"),
    # Time
    Setting("timezone", Zone(), "UTC", "Time zone, by its IANA name"),
    Setting("ntp_server", Host(), "pool.ntp.org", "Time server"),
    Setting("ntp_server_2", Host(), None, "Second time server"),
    Setting("ntp_interval", Int(60, 86400), None, "How often the time is asked for", unit="seconds"),
    Setting("time_format", Choice("24h", "12h"), "24h", "Clock of 24 or of 12 hours"),
    Setting("date_format", Choice("dd.mm.yyyy", "mm/dd/yyyy", "yyyy-mm-dd"), "dd.mm.yyyy", "Order of day, month and year"),
    # Words and sounds
    Setting("language", Language(), "en", "Language of the screen (BCP 47)"),
    Setting("web_language", Language(), None, "Language of the phone's own web pages (BCP 47)"),
    Setting("tones", Country(), None, "Country whose dial, busy and ringing tones are played (ISO 3166)"),
    Setting("phone_name", Text(32), None, "Words on the idle screen"),
    Setting("backlight_time", Int(0, 1800), None, "How long the screen stays bright; 0 always", unit="seconds"),
    Setting("brightness", Int(0, 10), None, "Brightness of the screen"),
    Setting("contrast", Int(0, 10), None, "Contrast of the screen"),
    Setting("ring_volume", Int(0, 10), None, "Loudness of the ring tone"),
    Setting("headset_mode", Bool(), None, "Calls go to the headset first"),
    # Passwords
    Setting("admin_password", Password(), None, "The phone's administrator password; none said means one is generated"),
    Setting("user_password", Password(), None, "The password of the phone's other accounts; none said means one is generated"),
    Setting("web_access", Choice("on", "https", "off"), None, "The phone's own web pages"),
    Setting("key_lock", Choice("off", "menu", "keys", "all"), None, "What is locked without a PIN; emergency numbers never are"),
    Setting("key_lock_pin", Password("0123456789"), None, "PIN of the key lock, digits"),
    # Network
    Setting("vlan_id", Int(0, 4094), None, "VLAN of the phone; 0 switches it off (IEEE 802.1Q)", may_strand=True),
    Setting("vlan_priority", Int(0, 7), None, "VLAN priority of the phone's own frames"),
    Setting("pc_vlan_id", Int(0, 4094), None, "VLAN of the socket for the computer; 0 switches it off"),
    Setting("pc_vlan_priority", Int(0, 7), None, "VLAN priority of the computer's frames"),
    Setting("pc_port", Bool(), None, "The socket for the computer"),
    Setting("lldp", Bool(), None, "Learn the VLAN by LLDP-MED", may_strand=True),
    Setting("lldp_interval", Int(1, 3600), None, "How often LLDP is sent", unit="seconds"),
    Setting("cdp", Bool(), None, "Learn the VLAN by CDP", may_strand=True),
    Setting("sip_dscp", Int(0, 63), None, "DSCP of signalling (RFC 4594: 24)"),
    Setting("rtp_dscp", Int(0, 63), None, "DSCP of voice (RFC 4594: 46)"),
    Setting("syslog_server", HostPort(), None, "Where the phone sends its log (RFC 5426)"),
    Setting("syslog_level", Choice("error", "warning", "info", "debug"), None, "How much it logs"),
    Setting("http_proxy", HostPort(), None, "Web proxy for the phone"),
    Setting("snmp", Bool(), None, "The phone's SNMP agent"),
    # Phone books
    Setting("phonebook", Bool(), True, "Give the phone its remote phone book"),
    Setting("phonebook_name", Text(32), "Company", "Name of the remote phone book"),
    Setting("phonebook_url", Url("http", "https"), None, "A remote phone book that is not ours"),
    Setting("phonebook_interval", Int(5, 10080), 720, "How often the phone book is fetched", unit="minutes"),
    Setting("ldap_server", HostPort(), None, "LDAP directory"),
    Setting("ldap_tls", Bool(), None, "LDAP over TLS"),
    Setting("ldap_base", Text(256), None, "Base of the LDAP search"),
    Setting("ldap_user", Text(128), None, "User of the LDAP directory"),
    Setting("ldap_password", Password(), None, "Password of the LDAP directory"),
    Setting("ldap_name_filter", Text(256), None, "LDAP filter by name (RFC 4515)"),
    Setting("ldap_number_filter", Text(256), None, "LDAP filter by number (RFC 4515)"),
    Setting("ldap_name_attributes", Many(Text(64), most=8), None, "LDAP attributes that hold the name"),
    Setting("ldap_number_attributes", Many(Text(64), most=8), None, "LDAP attributes that hold the numbers"),
    # Provisioning
    Setting("polling", Bool(), True, "Ask for changes every night"),
    Setting("polling_from", Int(0, 23), 2, "Hour at which the polling window opens, local time"),
    Setting("polling_to", Int(0, 23), 5, "Hour at which the polling window closes, local time"),
    Setting("provisioning", Bool(), True, "Write our own provisioning URL into the phone", may_strand=True),
    Setting("dhcp_provisioning", Bool(), False, "Let DHCP name another provisioning server later"),
    Setting("pnp", Bool(), False, "Look for a provisioning server by SIP multicast"),
    Setting("vendor_cloud", Bool(), False, "Let the phone ask its maker's redirection service"),
    Setting("tr069", Bool(), False, "Let the phone ask a TR-069 server"),
    Setting("keep_user_changes", Bool(), True, "Keep what the phone's user changes on it"),
    Setting("firmware", Text(64), None, "Firmware version that the phone shall run; none said means as it is"),
    Setting("resync_by_notify", Bool(), True, "Take SIP NOTIFY check-sync as a wish to resync"),
)  # fmt: skip

BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}


def setting(name: str) -> Setting:
    """Return the row of this name; raises UnknownName with the nearest one."""
    try:
        return BY_NAME[name]
    except KeyError:
        raise UnknownName(f"there is no setting {name!r}{nearest(name, BY_NAME)}") from None


def defaults() -> dict[str, Any]:
    """Return the lowest layer: every setting with the value that it has where nobody says more."""
    return {row.name: row.default for row in SETTINGS}


__all__ = ["BY_NAME", "KEY_TYPES", "SETTINGS", "Setting", "defaults", "kinds", "setting"]
