"""The table of phone settings: what an operator can say, in words of the field.

A row is one setting. `default` is what a phone gets where nobody says anything;
None means *left alone*: nothing is written, and what the phone's user chose stays.
A setting that was said once and taken back is written as its *off* value (see `off`),
so that the phone forgets it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from provisioner import kinds, raw
from provisioner.errors import BadValue, UnknownName, nearest
from provisioner.kinds import (
    Address,
    Bool,
    Choice,
    Country,
    Dial,
    Host,
    HostPort,
    Int,
    Kind,
    Language,
    Many,
    Multicast,
    Password,
    Text,
    Url,
    Zone,
)


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
    "unpark": "takes back the call that is parked at `value`",
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
    "favorites": "opens the list of favourites",
    "sms": "writes a text message",
    "menu": "opens the phone's menu",
    "status": "opens the phone's status",
    "paging": "pages the multicast address in `value`",
    "paging-list": "opens the list of paging groups",
    "presence": "shows whether the extension in `value` is there",
    "group-listening": "switches the loudspeaker on beside the handset",
    "lock": "locks the keys",
    "hot-desking": "signs a user in or out",
    "provision": "fetches the phone's configuration anew",
    "url": "fetches the URL in `value`",
    "xml": "opens the XML application at the URL in `value`",
    "shared-line": "a shared line appearance; `line` says which",
    "acd": "signs in to the call queue",
    "private-hold": "holds the call so that only this phone takes it back",
}

GROUPS: Mapping[str, tuple[Setting, ...]] = {
    "Registration": (
        Setting("registration", Choice("register", "none"), "register", "Whether the line registers, or only sends calls", per="line"),
        Setting("registration_expiry", Int(60, 86400), 3600, "How long a registration is asked for (RFC 3261, 10.2.1.1)", per="line", unit="seconds"),
        Setting("registration_retry", Int(5, 3600), None, "How long to wait after a failed registration", per="line", unit="seconds"),
        Setting("registration_overlap", Int(0, 3600), None, "How long before its end a registration is renewed", per="line", unit="seconds"),
        Setting("unregister_on_boot", Bool(), None, "Take back the old registration when the phone starts", per="line"),
        Setting("call_without_registration", Bool(), None, "Let calls go out while the line is not registered", per="line"),
        Setting("answer_without_registration", Bool(), None, "Take calls while the line is not registered", per="line"),
        Setting("mac_in_register", Bool(), None, "Tell the phone's MAC in its registration", per="line"),
        Setting("user_phone", Bool(), None, "Add user=phone to SIP addresses (RFC 3261, 19.1.1)", per="line"),
        Setting("server_type", Choice("standard", "broadsoft", "asterisk", "sylantro"), None, "Kind of server, whose own ways the line follows", per="line"),
        Setting("server_only", Bool(), None, "Take SIP requests from the line's own server alone", per="line"),
        Setting("challenge_invites", Bool(), None, "Ask for a password (digest) before a call is taken", per="line"),
        Setting("dns_mode", Choice("auto", "naptr", "srv", "a"), "auto", "How the registrar's address is looked up (RFC 3263); auto lets the port decide", per="line"),
        Setting("backup_registrar", HostPort(), None, "Second registrar, used when the first is silent", per="line"),
        Setting("backup_outbound_proxy", HostPort(), None, "Second outbound proxy, used when the first is silent", per="line"),
        Setting("dual_registration", Bool(), None, "Register at both servers at once", per="line"),
        Setting("failback_time", Int(60, 65535), None, "How long the second server is used before the first is tried again", per="line", unit="seconds"),
        Setting("sip_retries", Int(0, 20), None, "How often a request is sent again before the next server is tried", per="line"),
        Setting("outbound_proxy_in_dialog", Bool(), None, "Send requests within a call through the outbound proxy, too", per="line"),
        Setting("dhcp_sip_server", Bool(), None, "Take the SIP server from DHCP (option 120, RFC 3361)"),
        Setting("session_timer", Bool(), None, "Session timers (RFC 4028)", per="line"),
        Setting("session_expiry", Int(90, 7200), None, "Session-Expires that the line asks for", per="line", unit="seconds"),
        Setting("session_minimum", Int(90, 7200), None, "Shortest session that the line takes (Min-SE)", per="line", unit="seconds"),
        Setting("session_refresher", Choice("uac", "uas"), None, "Who refreshes a session: the calling side (uac) or the called one", per="line"),
        Setting("prack", Bool(), None, "Reliable provisional responses (RFC 3262)", per="line"),
        Setting("preconditions", Bool(), None, "Quality-of-service preconditions (RFC 3312)", per="line"),
        Setting("early_media_header", Bool(), None, "P-Early-Media header (RFC 5009)", per="line"),
        Setting("mediasec", Bool(), None, "Ask the IMS for encrypted media to its edge (mediasec)", per="line"),
        Setting("caller_id_from", Choice("from", "p-asserted-identity", "remote-party-id"), None, "Header that names the caller", per="line"),
        Setting("privacy_header", Bool(), None, "Privacy header (RFC 3323)", per="line"),
        Setting("preferred_identity", Bool(), None, "P-Preferred-Identity header (RFC 3325)", per="line"),
        Setting("account_display", Choice("name", "number"), None, "What the screen shows of the line", per="line"),
        Setting("anonymous_calls", Bool(), None, "Hide the own number in outgoing calls", per="line"),
        Setting("reject_anonymous", Bool(), None, "Refuse calls without a number", per="line"),
    ),
    "Media": (
        Setting("codecs", Many(Choice("pcmu", "pcma", "g722", "g729", "opus", "ilbc", "g726-32", "g723")), ("g722", "pcma", "pcmu", "g729"), "Codecs, the preferred one first", per="line"),
        Setting("srtp", Choice("off", "optional", "required"), "off", "Encrypted media by SDES (RFC 4568)", per="line"),
        Setting("srtp_key_length", Choice("128", "256"), None, "Length of the AES key of encrypted media", per="line", unit="bits"),
        Setting("symmetric_rtp", Bool(), None, "Send voice to where it comes from (RFC 4961)", per="line"),
        Setting("dtmf", Choice("rfc4733", "info", "inband", "rfc4733+info"), "rfc4733", "How key presses are sent during a call", per="line"),
        Setting("dtmf_payload", Int(96, 127), None, "Payload type of telephone events (RFC 4733)", per="line"),
        Setting("packet_time", Choice("10", "20", "30", "40", "60"), None, "Length of one RTP packet", per="line", unit="milliseconds"),
        Setting("voice_activity_detection", Bool(), None, "Send nothing during silence", per="line"),
        Setting("comfort_noise", Bool(), None, "Play soft noise while nothing is received (RFC 3389)"),
        Setting("echo_cancellation", Bool(), None, "Take the echo out of the voice"),
        Setting("jitter_buffer", Choice("fixed", "adaptive"), None, "Jitter buffer of fixed length, or one that follows the network", per="line"),
        Setting("jitter_buffer_min", Int(0, 400), None, "Shortest jitter buffer", unit="milliseconds"),
        Setting("jitter_buffer_max", Int(0, 800), None, "Longest jitter buffer", per="line", unit="milliseconds"),
        Setting("rfc2543_hold", Bool(), None, "Hold by the address 0.0.0.0, as old servers want it (RFC 2543)", per="line"),
        Setting("music_on_hold_uri", Text(128), None, "Server that plays music to who is held", per="line"),
    ),
    "NAT and ports": (
        Setting("keep_alive", Choice("off", "packet", "options", "notify"), "packet", "What keeps the NAT binding open", per="line"),
        Setting("keep_alive_interval", Int(5, 3600), 30, "How often the NAT binding is refreshed", per="line", unit="seconds"),
        Setting("keep_alive_lost", Int(3, 10), None, "How many unanswered OPTIONS make the line register anew", per="line"),
        Setting("rport", Bool(), True, "Symmetric response routing (RFC 3581)", per="line"),
        Setting("stun_server", HostPort(), None, "STUN server; said means used (RFC 8489)"),
        Setting("stun_interval", Int(10, 3600), None, "How often the STUN server is asked", unit="seconds"),
        Setting("ice", Bool(), None, "Find the way of voice by ICE (RFC 8445)", per="line"),
        Setting("external_address", Host(), None, "The phone's address as seen from outside the NAT"),
        Setting("upnp", Bool(), None, "Open the NAT by UPnP"),
        Setting("sip_port", Int(1024, 65535), None, "Local SIP port"),
        Setting("rtp_port_first", Int(1024, 65534), None, "First local RTP port"),
        Setting("rtp_port_last", Int(1025, 65535), None, "Last local RTP port"),
    ),
    "Certificates": (
        Setting("tls_verify", Bool(), None, "Check the certificates of web and provisioning servers", may_strand=True),
        Setting("tls_verify_name", Bool(), None, "Check that a server's certificate is for its name (RFC 6125)", may_strand=True),
        Setting("tls_verify_dates", Bool(), None, "Check that a server's certificate is of today", may_strand=True),
        Setting("tls_version", Choice("auto", "1.0", "1.1", "1.2"), None, "TLS version that the phone asks for", may_strand=True),
        Setting("sip_tls_verify", Bool(), None, "Check the certificate chain of the SIP server", per="line"),
        Setting("sip_tls_verify_name", Bool(), None, "Check that the SIP server's certificate is for its name", per="line"),
    ),
    "Voicemail and calls": (
        Setting("mwi_subscribe", Bool(), True, "Subscribe to the message waiting indication (RFC 3842)", per="line"),
        Setting("mwi_expiry", Int(60, 86400), None, "How long the message waiting indication is subscribed for", per="line", unit="seconds"),
        Setting("message_tone", Bool(), None, "Tell waiting messages by a tone"),
        Setting("message_lamp", Bool(), None, "Tell waiting messages by the lamp"),
        Setting("call_waiting", Bool(), True, "Show a second call during the first", per="line"),
        Setting("call_waiting_tone", Bool(), None, "Beep when a second call waits"),
        Setting("missed_calls", Bool(), None, "List and count missed calls", per="line"),
        Setting("missed_call_lamp", Bool(), None, "Tell missed calls by the lamp"),
        Setting("ring_lamp", Bool(), None, "Flash the lamp while it rings"),
        Setting("power_lamp", Bool(), None, "Light the lamp while the phone is on"),
        Setting("call_history", Bool(), None, "Keep lists of calls"),
        Setting("ring_timeout", Int(10, 3600), None, "How long an incoming call may ring", unit="seconds"),
        Setting("ringback_timeout", Int(10, 3600), None, "How long an outgoing call may ring", unit="seconds"),
        Setting("hold_tone", Bool(), None, "Remind of a held call by a tone", per="line"),
        Setting("hold_tone_interval", Int(3, 600), None, "How often a held call is reminded of", unit="seconds"),
        Setting("busy_tone_time", Int(0, 10), None, "How long the busy tone is played after a call", unit="seconds"),
        Setting("call_completion", Bool(), None, "Offer to call again once a busy number is free"),
        Setting("auto_redial", Bool(), None, "Dial a busy number again by itself"),
        Setting("auto_redial_interval", Int(1, 300), None, "Wait before a busy number is dialled again", unit="seconds"),
        Setting("auto_redial_times", Int(1, 100), None, "How often a busy number is dialled again"),
        Setting("refuse_response", Choice("404", "480", "486", "603"), None, "SIP answer to a call that is refused by hand"),
        Setting("dnd", Bool(), None, "Do not disturb", per="line"),
        Setting("dnd_response", Choice("404", "480", "486", "603"), None, "SIP answer to a call during do not disturb"),
        Setting("allow_dnd", Bool(), None, "Offer do not disturb to the phone's user"),
        Setting("allow_forward", Bool(), None, "Offer call forwarding to the phone's user"),
        Setting("allow_transfer", Bool(), None, "Offer transfer to the phone's user"),
        Setting("allow_conference", Bool(), None, "Offer conferences that the phone mixes to its user"),
        Setting("blind_transfer_on_hangup", Bool(), None, "Hanging up while the other side rings transfers the call"),
        Setting("attended_transfer_on_hangup", Bool(), None, "Hanging up between two calls connects them"),
        Setting("key_transfer", Choice("new-call", "attended", "blind"), None, "What a BLF or speed-dial key does during a call"),
        Setting("forward_always", Text(64), None, "Number that takes all calls; empty switches it off", per="line"),
        Setting("forward_busy", Text(64), None, "Number that takes calls while busy; empty switches it off", per="line"),
        Setting("forward_no_answer", Text(64), None, "Number that takes unanswered calls; empty switches it off", per="line"),
        Setting("forward_no_answer_after", Int(5, 120), None, "How long it rings before the call is forwarded", per="line", unit="seconds"),
        Setting("auto_answer", Bool(), None, "Answer every call by itself", per="line"),
        Setting("auto_answer_after", Int(0, 60), None, "How long a call rings before it is answered by itself", per="line", unit="seconds"),
        Setting("auto_answer_tone", Bool(), None, "Beep when a call was answered by itself"),
        Setting("intercom", Bool(), None, "Answer calls that ask for it (Alert-Info, Call-Info)"),
        Setting("intercom_mute", Bool(), None, "Answer intercom calls with the microphone off"),
        Setting("intercom_tone", Bool(), None, "Beep when an intercom call comes in"),
        Setting("intercom_barge", Bool(), None, "Let an intercom call break into another call"),
        Setting("ring_tone", Int(1, 10), None, "The phone's own ring tone, by number", per="line"),
        Setting("alert_info", Many(Text(64), most=10), None, "Words in Alert-Info; the first rings tone 1, the second tone 2, and so on"),
        Setting("feature_key_sync", Bool(), None, "Share DND and forwarding with the server (as-feature-event)", per="line"),
        Setting("blf_list", Text(128), None, "Resource list whose members the BLF-list keys show (RFC 4662)", per="line"),
        Setting("blf_list_keys", Bool(), None, "Lay the members of the BLF list on keys by themselves"),
        Setting("blf_list_pickup_code", Text(16), None, "Feature code: pick up a member of the BLF list", per="line"),
        Setting("blf_list_barge_code", Text(16), None, "Feature code: break into the call of a member of the BLF list", per="line"),
        Setting("blf_expiry", Int(60, 86400), None, "How long a busy lamp is subscribed for", per="line", unit="seconds"),
        Setting("subscription_expiry", Int(60, 86400), None, "How long the line's other subscriptions are asked for", per="line", unit="seconds"),
        Setting("blf_visual_alert", Bool(), None, "Show calls that ring at watched phones"),
        Setting("blf_audio_alert", Bool(), None, "Beep for calls that ring at watched phones"),
        Setting("conference_uri", Text(128), None, "Conference server's address, where the server mixes", per="line"),
    ),
    "Paging": (
        Setting("paging_addresses", Many(Multicast(), most=10), None, "Multicast addresses whose pages are played, the first group first"),
        Setting("paging_names", Many(Text(32), most=10), None, "Names of these groups, a word each, in the same order"),
        Setting("paging_priority", Int(0, 10), None, "Rank of a call among the groups: those before it break in; 0 lets none"),
        Setting("paging_codec", Choice("pcmu", "pcma", "g722", "g729"), None, "Codec in which the phone pages"),
    ),
    "Dial plan": (
        Setting("dial_plan", Many(Dial(), most=32), ("*xx", "x+"), "Patterns that are dialled: digits, x any digit, [1-9] a choice, a final x+ one or more digits and a wait"),
        Setting("inter_digit_time", Int(1, 15), 4, "Wait after the last digit before dialling", unit="seconds"),
        Setting("dial_with_hash", Bool(), None, "The key # dials what was typed"),
        Setting("emergency_numbers", Many(Text(16, "0123456789*#+"), most=16), ("112", "911", "999"), "Numbers dialled at once, also from a locked phone; those of the site's country are added"),
        Setting("pickup_code", Text(16), None, "Feature code: pick up a ringing extension"),
        Setting("group_pickup_code", Text(16), None, "Feature code: pick up any call of the group"),
        Setting("park_code", Text(16), None, "Feature code: park a call"),
        Setting("unpark_code", Text(16), None, "Feature code: take back a parked call"),
        Setting("dnd_on_code", Text(16), None, "Feature code: do not disturb on", per="line"),
        Setting("dnd_off_code", Text(16), None, "Feature code: do not disturb off", per="line"),
        Setting("call_waiting_on_code", Text(16), None, "Feature code: call waiting on", per="line"),
        Setting("call_waiting_off_code", Text(16), None, "Feature code: call waiting off", per="line"),
        Setting("forward_on_code", Text(16), None, "Feature code: forward all calls", per="line"),
        Setting("forward_off_code", Text(16), None, "Feature code: no longer forward", per="line"),
        Setting("forward_busy_on_code", Text(16), None, "Feature code: forward calls while busy", per="line"),
        Setting("forward_busy_off_code", Text(16), None, "Feature code: no longer forward while busy", per="line"),
        Setting("forward_no_answer_on_code", Text(16), None, "Feature code: forward unanswered calls", per="line"),
        Setting("forward_no_answer_off_code", Text(16), None, "Feature code: no longer forward unanswered calls", per="line"),
        Setting("hotline", Text(64), None, "Number dialled when the handset is lifted"),
        Setting("hotline_delay", Int(0, 10), None, "Wait before the hotline dials", unit="seconds"),
    ),
    "Time": (
        Setting("timezone", Zone(), "UTC", "Time zone, by its IANA name"),
        Setting("ntp_server", Host(), "pool.ntp.org", "Time server"),
        Setting("ntp_server_2", Host(), None, "Second time server"),
        Setting("ntp_interval", Int(60, 86400), None, "How often the time is asked for", unit="seconds"),
        Setting("time_format", Choice("24h", "12h"), "24h", "Clock of 24 or of 12 hours"),
        Setting("date_format", Choice("dd.mm.yyyy", "mm/dd/yyyy", "yyyy-mm-dd"), "dd.mm.yyyy", "Order of day, month and year"),
    ),
    "Words, sounds and screen": (
        Setting("language", Language(), "en", "Language of the screen (BCP 47)"),
        Setting("web_language", Language(), None, "Language of the phone's own web pages (BCP 47)"),
        Setting("tones", Country(), None, "Country whose dial, busy and ringing tones are played (ISO 3166)"),
        Setting("phone_name", Text(32), None, "Words on the idle screen"),
        Setting("backlight_time", Int(0, 1800), None, "How long the screen stays bright; 0 always", unit="seconds"),
        Setting("brightness", Int(0, 10), None, "Brightness of the screen"),
        Setting("brightness_idle", Int(0, 10), None, "Brightness of the screen once its light is dimmed"),
        Setting("contrast", Int(0, 10), None, "Contrast of the screen"),
        Setting("screensaver_time", Int(0, 21600), None, "How long until the screen saver starts; 0 never", unit="seconds"),
        Setting("screensaver_url", Url("http", "https"), None, "Picture of the screen saver"),
        Setting("wallpaper_url", Url("http", "https"), None, "Picture behind the idle screen"),
        Setting("idle_softkeys", Many(Choice("history", "directory", "dnd", "menu", "redial", "status", "forward"), most=4), None, "Keys below the idle screen, from left to right"),
        Setting("ring_volume", Int(0, 10), None, "Loudness of the ring tone"),
        Setting("handset_volume", Int(0, 10), None, "Loudness of the handset"),
        Setting("headset_volume", Int(0, 10), None, "Loudness of the headset"),
        Setting("speaker_volume", Int(0, 10), None, "Loudness of the loudspeaker"),
        Setting("headset_mode", Bool(), None, "Calls go to the headset first"),
        Setting("bluetooth", Bool(), None, "Bluetooth, where the phone has it"),
        Setting("usb", Bool(), None, "USB sticks, where the phone has a socket for them"),
    ),
    "Passwords, web pages and locks": (
        Setting("admin_password", Password(), None, "The phone's administrator password; none said means one is generated"),
        Setting("user_password", Password(), None, "The password of the phone's other accounts; none said means one is generated"),
        Setting("web_access", Choice("on", "https", "off"), None, "The phone's own web pages"),
        Setting("web_port", Int(1, 65535), None, "Port of the phone's web pages"),
        Setting("web_tls_port", Int(1, 65535), None, "Port of the phone's web pages over TLS"),
        Setting("web_digest", Bool(), None, "The web pages ask for their password by Digest rather than Basic"),
        Setting("web_logout_time", Int(1, 1000), None, "How long a web session may rest", unit="minutes"),
        Setting("ssh", Bool(), None, "The phone's SSH console"),
        Setting("remote_control", Bool(), None, "Take commands by HTTP (action URI)"),
        Setting("remote_control_from", Text(255), None, "Addresses that such commands are taken from, as the phone writes them; any where it is so written"),
        Setting("reset_key", Bool(), None, "Factory reset by a long press of a key"),
        Setting("reset_by_notify", Bool(), None, "Factory reset by SIP NOTIFY", per="line"),
        Setting("key_lock", Choice("off", "menu", "keys", "all"), None, "What is locked without a PIN; emergency numbers never are"),
        Setting("key_lock_pin", Password("0123456789"), None, "PIN of the key lock, digits"),
        Setting("key_lock_after", Int(0, 3600), None, "How long until the keys lock by themselves; 0 never", unit="seconds"),
    ),
    "Network": (
        Setting("vlan_id", Int(0, 4094), None, "VLAN of the phone; 0 switches it off (IEEE 802.1Q)", may_strand=True),
        Setting("vlan_priority", Int(0, 7), None, "VLAN priority of the phone's own frames"),
        Setting("pc_vlan_id", Int(0, 4094), None, "VLAN of the socket for the computer; 0 switches it off"),
        Setting("pc_vlan_priority", Int(0, 7), None, "VLAN priority of the computer's frames"),
        Setting("pc_port", Bool(), None, "The socket for the computer"),
        Setting("lldp", Bool(), None, "Learn the VLAN by LLDP-MED", may_strand=True),
        Setting("lldp_interval", Int(1, 3600), None, "How often LLDP is sent", unit="seconds"),
        Setting("cdp", Bool(), None, "Learn the VLAN by CDP", may_strand=True),
        Setting("cdp_interval", Int(1, 3600), None, "How often CDP is sent", unit="seconds"),
        Setting("vlan_dhcp_option", Int(0, 254), None, "DHCP option that names the VLAN (132 is usual); 0 takes none", may_strand=True),
        Setting("dhcp", Bool(), None, "Take the address by DHCP; off uses the addresses below", may_strand=True),
        Setting("ip_address", Address(), None, "The phone's own address where DHCP is off", may_strand=True),
        Setting("ip_netmask", Address(), None, "Netmask where DHCP is off", may_strand=True),
        Setting("ip_gateway", Address(), None, "Gateway where DHCP is off", may_strand=True),
        Setting("dns_server", Address(), None, "Name server", may_strand=True),
        Setting("dns_server_2", Address(), None, "Second name server", may_strand=True),
        Setting("dns_cache", Bool(), None, "Keep what name servers answered"),
        Setting("dot1x", Choice("off", "md5", "peap"), None, "How the phone proves itself to the switch (IEEE 802.1X): EAP-MD5 or PEAP-MSCHAPv2", may_strand=True),
        Setting("dot1x_identity", Text(128), None, "Name of the phone for IEEE 802.1X", may_strand=True),
        Setting("dot1x_password", Password(), None, "Password of the phone for IEEE 802.1X", may_strand=True),
        Setting("wifi", Bool(), None, "Wi-Fi, where the phone has it", may_strand=True),
        Setting("sip_dscp", Int(0, 63), None, "DSCP of signalling (RFC 4594: 24)"),
        Setting("rtp_dscp", Int(0, 63), None, "DSCP of voice (RFC 4594: 46)"),
        Setting("syslog_server", HostPort(), None, "Where the phone sends its log (RFC 5426)"),
        Setting("syslog_level", Choice("error", "warning", "info", "debug"), None, "How much it logs"),
        Setting("syslog_transport", Choice("udp", "tcp", "tls"), None, "How the log is sent"),
        Setting("syslog_facility", Int(0, 23), None, "Facility of the log's lines (RFC 5424)"),
        Setting("syslog_mac", Bool(), None, "Begin the log's lines with the phone's MAC"),
        Setting("http_proxy", HostPort(), None, "Web proxy for the phone"),
        Setting("snmp", Bool(), None, "The phone's SNMP agent"),
        Setting("snmp_port", Int(1, 65535), None, "Port of the SNMP agent"),
        Setting("snmp_community", Password(), None, "Community that may read by SNMP"),
    ),
    "Events and remote applications": (
        Setting("action_url_boot", Url("http", "https"), None, "Asked when the phone has started"),
        Setting("action_url_registered", Url("http", "https"), None, "Asked when a line has registered"),
        Setting("action_url_unregistered", Url("http", "https"), None, "Asked when a line is no longer registered"),
        Setting("action_url_register_failed", Url("http", "https"), None, "Asked when a registration failed"),
        Setting("action_url_incoming", Url("http", "https"), None, "Asked when a call comes in"),
        Setting("action_url_outgoing", Url("http", "https"), None, "Asked when a call goes out"),
        Setting("action_url_established", Url("http", "https"), None, "Asked when a call is answered"),
        Setting("action_url_ended", Url("http", "https"), None, "Asked when a call has ended"),
        Setting("action_url_missed", Url("http", "https"), None, "Asked when a call was missed"),
        Setting("action_url_dnd_on", Url("http", "https"), None, "Asked when do not disturb is switched on"),
        Setting("action_url_dnd_off", Url("http", "https"), None, "Asked when do not disturb is switched off"),
        Setting("csta", Bool(), None, "Computer-supported telephony (uaCSTA, ECMA TR/87)"),
        Setting("csta_server", HostPort(), None, "Server of computer-supported telephony"),
        Setting("csta_user", Text(128), None, "User at that server"),
        Setting("csta_password", Password(), None, "Password at that server"),
        Setting("xsi_server", HostPort(), None, "Server of BroadWorks' XSI", per="line"),
        Setting("xsi_tls", Bool(), None, "XSI over TLS", per="line"),
        Setting("xsi_user", Text(128), None, "User at the XSI server", per="line"),
        Setting("xsi_password", Password(), None, "Password at the XSI server", per="line"),
        Setting("xsi_directory", Bool(), None, "Show the directory of the XSI server"),
        Setting("xsi_call_log", Bool(), None, "Show the lists of calls of the XSI server"),
    ),
    "Phone books": (
        Setting("phonebook", Bool(), True, "Give the phone its remote phone book"),
        Setting("phonebook_name", Text(32), "Company", "Name of the remote phone book"),
        Setting("phonebook_url", Url("http", "https"), None, "A remote phone book that is not ours"),
        Setting("phonebook_user", Text(128), None, "User of that remote phone book"),
        Setting("phonebook_password", Password(), None, "Password of that remote phone book"),
        Setting("phonebook_url_2", Url("http", "https"), None, "Second remote phone book"),
        Setting("phonebook_name_2", Text(32), None, "Name of the second remote phone book"),
        Setting("phonebook_url_3", Url("http", "https"), None, "Third remote phone book"),
        Setting("phonebook_name_3", Text(32), None, "Name of the third remote phone book"),
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
        Setting("ldap_display_name", Text(64), None, "LDAP attribute that is shown; none said means the first that holds the name"),
        Setting("ldap_scope", Choice("base", "one", "sub"), None, "How deep the LDAP search goes (RFC 4511, 4.5.1.2)"),
        Setting("ldap_version", Choice("2", "3"), None, "Version of LDAP"),
        Setting("ldap_results", Int(1, 1000), None, "How many entries an LDAP search may bring"),
        Setting("ldap_sort", Bool(), None, "Sort what an LDAP search brings"),
        Setting("ldap_lookup_incoming", Bool(), None, "Look up callers in LDAP"),
        Setting("ldap_lookup_outgoing", Bool(), None, "Look up dialled numbers in LDAP"),
    ),
    "Provisioning": (
        Setting("polling", Bool(), True, "Ask for changes every night"),
        Setting("polling_from", Int(0, 23), 2, "Hour at which the polling window opens, local time"),
        Setting("polling_to", Int(0, 23), 5, "Hour at which the polling window closes, local time"),
        Setting("provisioning", Bool(), True, "Write our own provisioning URL into the phone", may_strand=True),
        Setting("dhcp_provisioning", Bool(), False, "Let DHCP name another provisioning server later"),
        Setting("pnp", Bool(), False, "Look for a provisioning server by SIP multicast"),
        Setting("vendor_cloud", Bool(), False, "Let the phone ask its maker's redirection service"),
        Setting("tr069", Bool(), False, "Let the phone ask a TR-069 server"),
        Setting("tr069_url", Url("https", "http"), None, "TR-069 server (ACS)"),
        Setting("tr069_user", Text(128), None, "User at the TR-069 server"),
        Setting("tr069_password", Password(), None, "Password at the TR-069 server"),
        Setting("keep_user_changes", Bool(), True, "Keep what the phone's user changes on it"),
        Setting("firmware", Text(64), None, "Firmware version that the phone shall run; none said means as it is"),
        Setting("resync_by_notify", Bool(), True, "Take SIP NOTIFY check-sync as a wish to resync"),
        Setting("notify_challenge", Bool(), None, "Ask for a password before a NOTIFY may resync or restart the phone"),
        Setting("provisioning_retry", Int(1, 86400), None, "Wait before a failed provisioning is tried again", unit="seconds"),
        Setting("provisioning_tries", Int(1, 5), None, "How often provisioning is tried at once"),
        Setting("resync_wait", Int(0, 86400), None, "How long a resync waits for the end of a call", unit="seconds"),
        Setting("reboot_unregistered", Int(0, 1440), None, "Restart after this long without registration; 0 never", unit="minutes"),
        Setting("peer_firmware", Bool(), None, "Phones hand firmware on to each other within their network"),
    ),
}  # fmt: skip

SETTINGS: tuple[Setting, ...] = tuple(row for rows in GROUPS.values() for row in rows)

BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}


@lru_cache(maxsize=4096)
def _raw(name: str) -> Setting | None:
    """Return the row of a parameter by the phone's own name, raw.FAMILY.NAME; None where it is none.

    Whether it is a password only the phone knows, so all are kept and shown as secrets.
    """
    prefix, family, parameter = (*name.split(".", 2), "", "")[:3]
    named = f"{prefix}." == raw.PREFIX and re.fullmatch(r"[a-z0-9][a-z0-9-]*", family) and raw.is_name(parameter)
    return Setting(name, Password(most=1024), None, f"{parameter} of {family}, as the phone itself names it") if named else None


def find(name: str) -> Setting | None:
    """Return the row of this name, which may be that of a raw parameter, or None."""
    return BY_NAME.get(name) or _raw(name)


def setting(name: str) -> Setting:
    """Return the row of this name; raises UnknownName with the nearest one."""
    row = find(name)
    if row:
        return row
    if name.startswith(raw.PREFIX):
        raise UnknownName(f"{name!r} is no raw parameter; write raw.FAMILY.NAME, such as raw.yealink.account.1.sip_trust_ctrl")
    raise UnknownName(f"there is no setting {name!r}{nearest(name, BY_NAME)}")


def defaults() -> dict[str, Any]:
    """Return the lowest layer: every setting with the value that it has where nobody says more."""
    return {row.name: row.default for row in SETTINGS}


__all__ = ["BY_NAME", "GROUPS", "KEY_TYPES", "SETTINGS", "Setting", "defaults", "find", "kinds", "setting"]
