"""One account, told in six languages and every layout that providers use: nearly all of it is found, and nothing is silently wrong.

The mails of tests/mails are written by hand; these are put together from labels, values and layouts, so that each layout meets each language and many secrets.
"""

from __future__ import annotations

import base64
import html
import random
from collections.abc import Callable

import pytest

from provisioner.mail.accounts import read

Fields = list[tuple[str, str]]

LABELS: dict[str, dict[str, str]] = {
    "en": {
        "sip_address": "SIP address|SIP URI|SIP ID|Address of record|Your SIP address|SIP identity", "username": "Username|User name|SIP user|SIP username|User ID|Your username",
        "auth_username": "Authentication name|Auth ID|Auth username|Authorization user name|Authentication ID", "password": "Password|SIP password|Secret|Your password|Account password",
        "domain": "Domain|SIP domain|Domain / realm|Domain (realm)|SIP realm", "outbound_proxy": "Outbound proxy|Outbound proxy server|Outbound SIP proxy|Outbound proxy address",
        "xcap_root": "XCAP root|XCAP root URI|XCAP server|XCAP URL|XCAP", "display_name": "Display name|Name shown", "voicemail": "Voicemail|Voicemail number|Mailbox number", "transport": "Transport|Transport protocol",
    },
    "pt": {
        "sip_address": "Endereço SIP|URI SIP|O seu endereço SIP|Identidade SIP", "username": "Nome de usuário|Nome de utilizador|Utilizador|Usuário SIP|Utilizador SIP",
        "auth_username": "Nome de autenticação|Utilizador de autenticação|ID de autenticação", "password": "Senha|Palavra-passe|Senha SIP|Sua senha|Palavra-passe SIP",
        "domain": "Domínio|Domínio SIP|Domínio / realm|Domínio (realm)|Domínio / domínio", "outbound_proxy": "Proxy de saída|Servidor proxy de saída", "xcap_root": "Raiz XCAP|Servidor XCAP|URL XCAP|XCAP",
        "display_name": "Nome de exibição|Nome a apresentar", "voicemail": "Correio de voz|Caixa postal|Voicemail", "transport": "Transporte|Protocolo de transporte",
    },
    "es": {
        "sip_address": "Dirección SIP|URI SIP|Su dirección SIP|Identidad SIP", "username": "Nombre de usuario|Usuario|Usuario SIP|Su usuario", "auth_username": "Nombre de autenticación|ID de autenticación|Usuario de autenticación",
        "password": "Contraseña|Clave|Contraseña SIP|Clave SIP|Su contraseña", "domain": "Dominio|Dominio SIP|Dominio/realm|Dominio (realm)", "outbound_proxy": "Proxy de salida|Proxy saliente|Servidor proxy de salida",
        "xcap_root": "Raíz XCAP|Servidor XCAP|URL XCAP|XCAP", "display_name": "Nombre para mostrar|Nombre visible", "voicemail": "Buzón de voz|Número de buzón de voz|Correo de voz", "transport": "Transporte",
    },
    "fr": {
        "sip_address": "Adresse SIP|URI SIP|Identité SIP|Votre adresse SIP", "username": "Nom d'utilisateur|Identifiant|Utilisateur|Identifiant SIP|Utilisateur SIP", "auth_username": "Nom d'authentification|Identifiant d'authentification|ID d'authentification",
        "password": "Mot de passe|Mot de passe SIP|Votre mot de passe", "domain": "Domaine|Domaine SIP|Domaine / realm|Domaine (realm)", "outbound_proxy": "Proxy sortant|Proxy de sortie|Serveur proxy sortant",
        "xcap_root": "Racine XCAP|Serveur XCAP|URL XCAP|XCAP", "display_name": "Nom affiché|Nom d'affichage", "voicemail": "Messagerie vocale|Boîte vocale", "transport": "Transport|Protocole de transport",
    },
    "de": {
        "sip_address": "SIP-Adresse|SIP-URI|Ihre SIP-Adresse|SIP-Identität", "username": "Benutzername|Benutzer|SIP-Benutzername|Anmeldename|SIP-Benutzer", "auth_username": "Authentifizierungsname|Auth-Benutzername|Authentifizierungs-ID",
        "password": "Passwort|Kennwort|SIP-Passwort|Ihr Passwort", "domain": "Domain|Domäne|SIP-Domain|Domain / Realm|Domain (Realm)", "outbound_proxy": "Ausgehender Proxy|Outbound-Proxy",
        "xcap_root": "XCAP-Root|XCAP-Wurzel|XCAP-Server|XCAP-URL|XCAP", "display_name": "Anzeigename|Angezeigter Name", "voicemail": "Voicemail|Mailbox|Anrufbeantworter|Sprachbox", "transport": "Transport|Transportprotokoll",
    },
    "it": {
        "sip_address": "Indirizzo SIP|URI SIP|Il tuo indirizzo SIP|Identità SIP", "username": "Nome utente|Utente|Utente SIP|Nome utente SIP", "auth_username": "Nome di autenticazione|ID di autenticazione|Utente di autenticazione",
        "password": "Password|Parola d'ordine|Password SIP|La tua password", "domain": "Dominio|Dominio SIP|Dominio / realm|Dominio (realm)", "outbound_proxy": "Proxy in uscita|Proxy di uscita|Server proxy in uscita",
        "xcap_root": "Radice XCAP|Server XCAP|URL XCAP|XCAP", "display_name": "Nome visualizzato|Nome da visualizzare", "voicemail": "Segreteria telefonica|Casella vocale", "transport": "Trasporto|Protocollo di trasporto",
    },
}  # fmt: skip
AROUND = {
    "en": ("Dear customer,\n\nyour account is ready. Here is what you need for your SIP phone:", "Questions? Call +44 20 7946 0000.\n\nKind regards\nSupport\nhttps://www.provider.example", "e.g. "),
    "pt": ("Caro cliente,\n\na sua conta SIP está pronta. Seguem os dados:", "Em caso de dúvida, ligue +351 21 000 0000.\n\nCumprimentos\nEquipa de suporte\nhttps://www.provider.example", "por ex. "),
    "es": ("Estimado cliente:\n\nsu cuenta SIP está lista. Estos son los datos:", "Si tiene preguntas, llame al +34 91 000 0000.\n\nUn saludo\nEquipo de soporte\nhttps://www.provider.example", "p. ej. "),
    "fr": ("Bonjour,\n\nvotre compte SIP est prêt. Voici les informations :", "Une question ? Appelez le +33 1 00 00 00 00.\n\nCordialement\nLe support\nhttps://www.provider.example", "par ex. "),
    "de": ("Guten Tag,\n\nIhr SIP-Konto ist bereit. Hier sind die Daten:", "Bei Fragen: +49 30 0000000.\n\nMit freundlichen Grüßen\nIhr Support-Team\nhttps://www.provider.example", "z. B. "),
    "it": ("Gentile cliente,\n\nil suo account SIP è pronto. Ecco i dati:", "Per domande chiamare +39 06 0000000.\n\nCordiali saluti\nIl supporto\nhttps://www.provider.example", "ad es. "),
}
SECRETS = ("s3cret!x", "Tr0ub4dor&3", "kV.92;qZ", "aB3$dE6*", "x#y%z=1", "9f8e7d6c", "correcthorse42", "(u7)[K]{m}", "hK-7_tt~", "Zz/9\\qq", "m&amp;8", "q!w@e#r", "abc.def.1", "7KdP-mm2?", "L0ng" + "xY7" * 12)


def _lines(form: str) -> Callable[[Fields], str]:
    return lambda fields: "\n".join(form.format(k, v) for k, v in fields)


def _columns(gap: str, fill: str = " ") -> Callable[[Fields], str]:
    return lambda fields: "\n".join((k + gap).ljust(max(len(name) for name, _ in fields) + 5, fill) + " " + v for k, v in fields)


def _box(fields: Fields) -> str:
    wide, deep = max(len(k) for k, _ in fields), max(len(v) for _, v in fields)
    rule = f"+{'-' * (wide + 2)}+{'-' * (deep + 2)}+"
    return "\n".join((rule, *(f"| {k.ljust(wide)} | {v.ljust(deep)} |" for k, v in fields), rule))


def _marked(form: str, whole: str = "{}") -> Callable[[Fields], str]:
    return lambda fields: whole.format("".join(form.format(html.escape(k), html.escape(v)) for k, v in fields))


def _by_two(fields: Fields) -> str:
    cells = [f"<td>{html.escape(k)}{':' if k else ''}</td><td>{html.escape(v)}</td>" for k, v in fields + [("", "")] * (len(fields) % 2)]
    return "<table>" + "".join(f"<tr>{one}{other}</tr>" for one, other in zip(cells[::2], cells[1::2], strict=True)) + "</table>"


TEXT: dict[str, Callable[[Fields], str]] = {
    "colon": _lines("{}: {}"), "blank and colon": _lines("{} : {}"), "dash": _lines("{} - {}"), "equals": _lines("{} = {}"), "tab": _lines("{}\t{}"), "arrow": _lines("{} → {}"), "bullets": _lines("* {}: {}"),
    "dots": _lines("• {}: {}"), "bold": _lines("**{}:** {}"), "quoted": _lines("> {}: {}"), "two lines": _lines("{}\n{}"), "two lines apart": _lines("{}:\n{}\n"), "indented": _lines("{}:\n    {}"),
    "markdown": lambda fields: "| | |\n|---|---|\n" + _lines("| {} | {} |")(fields), "box": _box, "columns": _columns("  "), "columns and colon": _columns(":"), "leaders": _columns(" ", "."),
    "semicolons": lambda fields: "; ".join(f"{k}: {v}" for k, v in fields), "blanks": lambda fields: "   ".join(f"{k}: {v}" for k, v in fields),
}  # fmt: skip
HTML: dict[str, Callable[[Fields], str]] = {
    "table": _marked("<tr><td>{}</td><td>{}</td></tr>", "<table>{}</table>"), "code in a table": _marked("<tr>\n<th>{}:</th>\n<td><code>{}</code></td>\n</tr>", "<table border=1>{}</table>"), "four columns": _by_two,
    "bold": _marked("<b>{}:</b> {}<br>\n"), "paragraphs": _marked("<p><strong>{}</strong><br>{}</p>"), "list": _marked("<li>{}: <strong>{}</strong></li>", "<ul>{}</ul>"), "definitions": _marked("<dt>{}</dt><dd>{}</dd>", "<dl>{}</dl>"),
    "boxes": _marked("<div><div>{}</div><div>{}</div></div>"), "spans": _marked("<div><span>{}</span>&nbsp;<span>{}</span></div>"),
    "one row": lambda fields: "<table><tr>" + _marked("<th>{0}</th>")(fields) + "</tr><tr>" + _marked("<td>{1}</td>")(fields) + "</tr></table>",
}  # fmt: skip


def told(chance: random.Random, language: str) -> tuple[Fields, dict[str, str | int]]:
    """Return the fields of a mail, and the facts that they say."""
    domain, user = chance.choice(("sip.provider.example", "pbx7.nordtel.example", "sip2sip.example")), chance.choice(("212", "anna.silva", "t1-user", "j_doe", "ext204"))
    proxy, port = chance.choice((f"proxy.{domain}", "sbc1.provider.example")), chance.choice((0, 5061))
    facts: dict[str, str | int] = {"sip_address": f"{user}@{domain}", "username": user, "password": chance.choice(SECRETS), "domain": domain, "outbound_proxy": proxy}
    more = {"auth_username": f"{user}_auth", "xcap_root": "https://xcap.provider.example/xcap-root/", "transport": "TLS", "display_name": "João Ñuñez", "voicemail": "*97"}
    facts |= {name: value for name, value in more.items() if chance.random() < 0.4}
    shown = {**facts, "outbound_proxy": f"{proxy}:{port}" if port else proxy}
    if chance.random() < 0.3:
        del shown["sip_address"]
    order = list(shown)
    if chance.random() < 0.4:
        chance.shuffle(order)
    facts |= {"transport": "tls"} if "transport" in facts else {}
    return [(chance.choice(LABELS[language][name].split("|")), str(shown[name])) for name in order], {**facts, **({"outbound_proxy_port": port} if port else {})}


def mail(body: str, kind: str) -> bytes:
    """Return a mail with a body of this kind, text/plain or text/html."""
    head = f"From: noreply@provider.example\nTo: anna@firm.example\nSubject: x\nMIME-Version: 1.0\nContent-Type: {kind}; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
    return head.encode() + base64.encodebytes(body.encode())


def check(raw: bytes, facts: dict[str, str | int]) -> int:
    """Return how many facts of the only account are found; fail where one that is not asked is wrong."""
    accounts = read(raw).accounts
    assert len(accounts) < 2, raw
    given = {name: fact.value for account in accounts for name, fact in account.facts.items() if name not in account.ask}
    assert {name: value for name, value in given.items() if facts.get(name) != value} == {}, raw
    return len(given)


@pytest.mark.parametrize("language", LABELS)
@pytest.mark.parametrize(("kind", "layout"), [("text/plain", name) for name in TEXT] + [("text/html", name) for name in HTML])
def test_an_account_is_read_in_every_layout(kind: str, layout: str, language: str) -> None:
    chance = random.Random(f"{language} {layout}")
    before, behind, _ = AROUND[language]
    found = all_ = 0
    for _ in range(8):
        fields, facts = told(chance, language)
        if kind == "text/html":
            body = f"<html><body><p>{html.escape(before).replace(chr(10), '<br>')}</p>{HTML[layout](fields)}<p>{behind.replace(chr(10), '<br>')}</p></body></html>"
        else:
            body = f"{before}\n\n{TEXT[layout](fields)}\n\n{behind}"
        found += check(mail(body, kind), facts)
        all_ += len(facts)
    assert found >= 0.95 * all_


@pytest.mark.parametrize("language", LABELS)
def test_text_that_runs_together_is_read(language: str) -> None:
    chance, found, all_ = random.Random(language), 0, 0
    for _ in range(40):
        fields, facts = told(chance, language)
        secrets = LABELS[language]["password"].split("|")
        parts = [k + v if k in secrets else f"{k}: {v}" if v.startswith("https") else f"{k}: {AROUND[language][2]}{v}" for k, v in fields]
        found += check(mail("".join(parts), "text/plain"), facts)
        all_ += len(facts)
    assert found >= 0.9 * all_
