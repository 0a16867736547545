"""Hostile values and `.env`-shaped texts, for the tests of every channel and of every real program.

A value is drawn in one or two choices of hypothesis, so that thousands are cheap; draw lists to fill a file.
"""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = ("A", "B", "C_1", "NAME", "lower", "_X")
"""Few names, so that duplicates and references to other lines are common."""

ENVIRON = {"A": "of the reader", "HOST": "with 'all' \"of\" $it", "EMPTY": "", "lower": "case"}
"""The environment to give to a reader of `env_texts`: names that the texts define, refer to and import."""

HOSTILE = "'\"\\$#=`{}() \n\r\t"
"""The characters that some reader treats specially, drawn far more often than others."""

_ANY = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_RARE = "\x01\x1b\x7f\x0b\x0c\x1c\x85\xa0\u1680\u2028\u2029\u3000\ufeff\ufdd0\uffff\U0001f511é\u0301ñ中"
_PIECES = (
    *"'\"\\$#=` \n\r\t{}();&|<>!*?~%^,:-+.",
    *("\\n", "\\r", "\\t", "\\\\", "\\'", '\\"', "\\$", "\\`", "\r\n", "\n\n", "  ", " #", "#", "\t#"),
    *(
        "$A",
        "${A}",
        "${A:-y}",
        "${NONE}",
        "${NONE-y}",
        "${A?gone}",
        "${A:+z}",
        "$$",
        "$$A",
        "$(echo x)",
        "`echo x`",
    ),
    *("''", '""', "'\\''", '"""', "export ", "A=", "B='", "EOF", "%s", "{{x}}", "encrypted:", "::add-mask::"),
    *("a", "b", "Z", "0", "_", "é", "🔑", "word", "two words", "-----BEGIN KEY-----", *_RARE),
)

_hostile = st.text(alphabet=HOSTILE + "ab1", max_size=12)
_pieces = st.lists(st.sampled_from(_PIECES), max_size=8).map("".join)
_run = st.builds(
    lambda piece, count, end: piece * count + end,
    st.sampled_from([*HOSTILE, "a", "é", "🔑", "\\'", "' ", "$$", "${", '\\"', "a\n", "\r\n"]),
    st.sampled_from([1, 2, 3, 7, 64, 1000]),
    st.sampled_from(["", "x", "'", '"', "\\", "\r", " ", "#"]),
)

values: st.SearchStrategy[str] = st.one_of(_hostile, _pieces, _pieces, _hostile, st.text(_ANY, max_size=30), _run)
"""A setting's value: all of Unicode but NUL and lone surrogates, weighted towards what readers trip over."""

long_values: st.SearchStrategy[str] = st.builds(
    lambda piece, length, ends: (ends[0] + piece * (length // len(piece.encode()) + 1))[:length] + ends[1],
    _pieces.filter(bool),
    st.sampled_from([4_095, 4_096, 16_000, 65_000, 65_530, 65_536, 100_000]),
    st.tuples(st.sampled_from(["", " ", "'", "#"]), st.sampled_from(["", "\\", "\r", "\n", " "])),
)
"""Values of 4 to 100 kB of characters; draw few."""

names: st.SearchStrategy[str] = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,8}\Z", fullmatch=True)
"""Names that every channel takes."""

_LINE_PARTS = (
    *("A=", "B=", "C_1=", "NAME=", "lower=", "_X=", "A", "B ", "HOST", "EMPTY\n", "NONE", "NONE=", "HO*", "*"),
    *(
        "export ",
        "export\t",
        "export",
        " A=",
        "A =",
        "A= ",
        "A : ",
        "B: x",
        "A\t=\t",
        "'A'=",
        '"A"=',
        "1A=",
        "A.B=",
        "A-B=",
    ),
    *("\n", "\n", "\n", "\n", "\r\n", "\r", "\n\n", "\\\n", "\n  "),
    *(
        "=",
        "'",
        '"',
        "`",
        "\\",
        "#",
        " #",
        " # c",
        "# c",
        ";",
        " ",
        "\t",
        "$",
        "'x'",
        '"x"',
        "'x' y",
        '"x"y',
        "x y",
    ),
    *("'a\nb'", '"a\nb"', "'a\\'b'", '"a\\"b"', '"a\\nb"', "it's", '"\\$A"', "'$A'", '"${A}"'),
    *(
        "$A",
        "${A}",
        "${A:-y}",
        "${A-y}",
        "${NONE}",
        "${NONE:-y}",
        "${NONE-}",
        "${A:?e}",
        "${NONE:?e}",
        "${NONE?e}",
    ),
    *(
        "${EMPTY:-y}",
        "${EMPTY-y}",
        "${A:+z}",
        "${EMPTY+z}",
        "${A:-${B}}",
        "${",
        "${}",
        "${A",
        "${1}",
        "$1",
        "$$",
        "$$A",
        "\\$A",
    ),
    *(
        "$(echo x)",
        "`echo x`",
        "$((1))",
        "a",
        "b c",
        "é",
        "🔑",
        "\ufeff",
        "\xa0",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x85",
        "\u2028",
    ),
)

env_texts: st.SearchStrategy[str] = st.one_of(
    st.lists(st.sampled_from(_LINE_PARTS), max_size=16).map("".join),
    st.lists(st.sampled_from(_LINE_PARTS), max_size=16).map("".join),
    st.lists(st.builds("{}={}\n".format, st.sampled_from(NAMES), values), max_size=4).map("".join),
    st.text(alphabet=HOSTILE + "AB", max_size=16),
)
"""Texts of the shape of a `.env` file, most of them malformed somewhere."""
