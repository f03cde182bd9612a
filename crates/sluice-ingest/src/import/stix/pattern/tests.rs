//! Patterns of every sort: what is taken of them, and what is not, whatever is sent.

use std::{borrow::Cow, fmt::Write as _};

use expect_test::{Expect, expect};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{DEPTH_MAX, Group, PARTS_MAX, TOO_MANY, parse, parse_whole, single};

fn shown(literal: &Result<Cow<'_, str>, &str>) -> String {
    match literal {
        Ok(text) => format!("{text:?}"),
        Err(text) => (*text).to_owned(),
    }
}

fn told(pattern: &str) -> String {
    let groups = match parse(pattern) {
        Ok(groups) => groups,
        Err(why) => return format!("{why}\n"),
    };
    let mut told = String::new();
    for Group { object, values, notes } in groups {
        write!(told, "{object}").unwrap();
        for (meaning, value) in values {
            write!(told, " {meaning:?}({value:?})").unwrap();
        }
        for note in notes {
            write!(told, " {}={}", note.path, shown(&note.value)).unwrap();
        }
        told.push('\n');
    }
    told
}

#[track_caller]
fn check(patterns: &[&str], want: &Expect) {
    want.assert_eq(
        &patterns
            .iter()
            .map(|pattern| format!("{pattern}\n  {}", told(pattern).replace('\n', "\n  ").trim_end()))
            .collect::<Vec<_>>()
            .join("\n"),
    );
}

#[test]
fn one_comparison_names_its_value() {
    check(
        &[
            "[domain-name:value='example.com']",
            "[ url:value = 'http://example.com/a?b=c' ]",
            "[ipv4-addr:value == '192.0.2.1']",
            "[ipv4-addr:value ISSUBSET '192.0.2.0/24']",
            "[file:hashes.'SHA-256' = 'ab']",
            "[file:hashes.sha256='ab']",
            "[network-traffic:dst_ref.value = '192.0.2.1']",
            "[domain-name:value = 'it\\'s \\\\ one']",
            "[domain-name:value = '']",
            "([domain-name:value = 'a'])",
            "[(domain-name:value = 'a')]",
            "[process:name = 'x.exe']",
            "[file:size = 5]",
            "[file:name = 'a\\'']",
        ],
        &expect![[r#"
            [domain-name:value='example.com']
              domain-name Value("example.com")
            [ url:value = 'http://example.com/a?b=c' ]
              url Value("http://example.com/a?b=c")
            [ipv4-addr:value == '192.0.2.1']
              ipv4-addr Address("192.0.2.1")
            [ipv4-addr:value ISSUBSET '192.0.2.0/24']
              ipv4-addr Address("192.0.2.0/24")
            [file:hashes.'SHA-256' = 'ab']
              file Hash(Sha256)("ab")
            [file:hashes.sha256='ab']
              file Hash(Sha256)("ab")
            [network-traffic:dst_ref.value = '192.0.2.1']
              network-traffic Address("192.0.2.1")
            [domain-name:value = 'it\'s \\ one']
              domain-name Value("it's \\ one")
            [domain-name:value = '']
              domain-name Value("")
            ([domain-name:value = 'a'])
              domain-name Value("a")
            [(domain-name:value = 'a')]
              domain-name Value("a")
            [process:name = 'x.exe']
              process process:name="x.exe"
            [file:size = 5]
              file file:size=5
            [file:name = 'a\'']
              file file:name="a'""#]],
    );
}

#[test]
fn alternatives_stand_beside_one_another() {
    check(
        &[
            "[domain-name:value = 'a' OR url:value = 'b' OR process:name = 'c']",
            "[domain-name:value = 'a'] OR [ipv4-addr:value = 'b'] OR ([url:value='c'])",
            "[ipv4-addr:value IN ('a', 'b','c')]",
            "[file:name IN ('a', 'b')]",
            "[file:name = 'n' AND (file:hashes.MD5 = 'a' OR file:hashes.'SHA-1' = 'b')]",
            "[file:hashes.MD5 = 'a' OR file:hashes.MD5 = 'b' AND file:name = 'n']",
            "[file:hashes.MD5 IN ('a','b') AND file:name IN ('n', 'm')]",
        ],
        &expect![[r#"
            [domain-name:value = 'a' OR url:value = 'b' OR process:name = 'c']
              domain-name Value("a")
              url Value("b")
              process process:name="c"
            [domain-name:value = 'a'] OR [ipv4-addr:value = 'b'] OR ([url:value='c'])
              domain-name Value("a")
              ipv4-addr Address("b")
              url Value("c")
            [ipv4-addr:value IN ('a', 'b','c')]
              ipv4-addr Address("a")
              ipv4-addr Address("b")
              ipv4-addr Address("c")
            [file:name IN ('a', 'b')]
              file file:name="a" file:name="b"
            [file:name = 'n' AND (file:hashes.MD5 = 'a' OR file:hashes.'SHA-1' = 'b')]
              file Hash(Md5)("a") file:name="n"
              file Hash(Sha1)("b") file:name="n"
            [file:hashes.MD5 = 'a' OR file:hashes.MD5 = 'b' AND file:name = 'n']
              file Hash(Md5)("a")
              file Hash(Md5)("b") file:name="n"
            [file:hashes.MD5 IN ('a','b') AND file:name IN ('n', 'm')]
              file Hash(Md5)("a") file:name="n" file:name="m"
              file Hash(Md5)("b") file:name="n" file:name="m""#]],
    );
}

#[test]
fn what_is_said_of_one_object_is_joined() {
    check(
        &[
            "[file:hashes.MD5 = 'a' AND file:hashes.'SHA-1' = 'b' AND file:hashes.'SHA-256' = 'c']",
            "[file:name = 'n' AND file:hashes.MD5 = 'a' AND file:hashes.'SHA-512' = 'd' AND file:size = 5]",
            "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = 'x' AND network-traffic:dst_port = 443]",
            "[domain-name:value = 'a' AND domain-name:resolves_to_refs[*].value = 'ip']",
            "[domain-name:resolves_to_refs[*].value = 'ip' and domain-name:value = 'a']",
        ],
        &expect![[r#"
            [file:hashes.MD5 = 'a' AND file:hashes.'SHA-1' = 'b' AND file:hashes.'SHA-256' = 'c']
              file Hash(Md5)("a") Hash(Sha1)("b") Hash(Sha256)("c")
            [file:name = 'n' AND file:hashes.MD5 = 'a' AND file:hashes.'SHA-512' = 'd' AND file:size = 5]
              file Hash(Md5)("a") file:name="n" file:hashes.'SHA-512'="d" file:size=5
            [network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = 'x' AND network-traffic:dst_port = 443]
              network-traffic Address("x") network-traffic:dst_ref.type="ipv4-addr" network-traffic:dst_port=443
            [domain-name:value = 'a' AND domain-name:resolves_to_refs[*].value = 'ip']
              domain-name Value("a") domain-name:resolves_to_refs[*].value="ip"
            [domain-name:resolves_to_refs[*].value = 'ip' and domain-name:value = 'a']
              domain-name Value("a") domain-name:resolves_to_refs[*].value="ip""#]],
    );
}

#[test]
fn what_would_name_more_than_the_pattern_is_refused() {
    check(
        &[
            "[domain-name:value != 'a']",
            "[domain-name:value NOT = 'a']",
            "[domain-name:value NOT IN ('a')]",
            "[domain-name:value LIKE '%.example.com']",
            "[domain-name:value MATCHES '.*']",
            "[file:hashes.MD5 = 'a' AND file:size > 5]",
            "[ipv4-addr:value ISSUPERSET '192.0.2.1']",
            "[url:value ISSUBSET '192.0.2.0/24']",
            "[EXISTS file:name]",
            "[domain-name:value = 'a'] AND [domain-name:value = 'b']",
            "[domain-name:value = 'a'] FOLLOWEDBY [domain-name:value = 'b']",
            "[domain-name:value = 'a'] WITHIN 5 SECONDS",
            "[domain-name:value = 'a'] REPEATS 5 TIMES",
            "[domain-name:value = 'a'] START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00Z'",
            "([domain-name:value = 'a'] AND [domain-name:value = 'b'])",
            "[domain-name:value = 'a' AND ipv4-addr:value = 'b']",
            "[domain-name:value = 'a' AND domain-name:value = 'b']",
            "[file:hashes.MD5 = 'a' AND process:name = 'b']",
            "[(file:hashes.MD5 = 'a' OR file:hashes.MD5 = 'b') AND file:hashes.'SHA-1' = 'c']",
            "[network-traffic:src_ref.value = 'a' AND network-traffic:dst_ref.value = 'b']",
            "[ipv4-addr:value = 5]",
        ],
        &expect![[r#"
            [domain-name:value != 'a']
              Comparisons are =, IN and ISSUBSET
            [domain-name:value NOT = 'a']
              NOT is not taken
            [domain-name:value NOT IN ('a')]
              NOT is not taken
            [domain-name:value LIKE '%.example.com']
              Comparisons are =, IN and ISSUBSET
            [domain-name:value MATCHES '.*']
              Comparisons are =, IN and ISSUBSET
            [file:hashes.MD5 = 'a' AND file:size > 5]
              Comparisons are =, IN and ISSUBSET
            [ipv4-addr:value ISSUPERSET '192.0.2.1']
              Comparisons are =, IN and ISSUBSET
            [url:value ISSUBSET '192.0.2.0/24']
              ISSUBSET is taken for addresses alone
            [EXISTS file:name]
              EXISTS is not taken
            [domain-name:value = 'a'] AND [domain-name:value = 'b']
              AND between observations is not taken
            [domain-name:value = 'a'] FOLLOWEDBY [domain-name:value = 'b']
              FOLLOWEDBY is not taken
            [domain-name:value = 'a'] WITHIN 5 SECONDS
              Qualifiers of observations are not taken
            [domain-name:value = 'a'] REPEATS 5 TIMES
              Qualifiers of observations are not taken
            [domain-name:value = 'a'] START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00Z'
              Qualifiers of observations are not taken
            ([domain-name:value = 'a'] AND [domain-name:value = 'b'])
              AND between observations is not taken
            [domain-name:value = 'a' AND ipv4-addr:value = 'b']
              AND of different objects is not taken
            [domain-name:value = 'a' AND domain-name:value = 'b']
              AND of values that are not hashes of one file is not taken
            [file:hashes.MD5 = 'a' AND process:name = 'b']
              AND of different objects is not taken
            [(file:hashes.MD5 = 'a' OR file:hashes.MD5 = 'b') AND file:hashes.'SHA-1' = 'c']
              AND of values that are not hashes of one file is not taken
            [network-traffic:src_ref.value = 'a' AND network-traffic:dst_ref.value = 'b']
              AND of values that are not hashes of one file is not taken
            [ipv4-addr:value = 5]
              The value of an indicator must be a string"#]],
    );
}

/// The condition narrows what is meant, except of a hash, which names one file.
#[test]
fn a_value_with_a_condition_that_is_not_known_is_refused() {
    for pattern in [
        "[network-traffic:dst_ref.value = 'a' AND network-traffic:extensions.'http-request-ext'.request_value = '/b']",
        "[domain-name:x_note = 'b' AND domain-name:value = 'a']",
    ] {
        let why = "AND of an address, name or URL with a condition that is not known is not taken";
        assert_eq!(parse(pattern), Err(why), "{pattern}");
    }
    assert!(parse("[file:hashes.MD5 = 'a' AND file:size = 5]").is_ok());
}

#[test]
fn what_is_no_pattern_is_refused() {
    let bad = [
        "",
        " ",
        "[",
        "]",
        "[]",
        "domain-name:value = 'a'",
        "[domain-name:value = 'a'",
        "[domain-name:value = 'a]",
        "[domain-name:value = a]]",
        "[domain-name:value = \"a\"]",
        "[file:hashes.\"SHA-256\" = 'a']",
        "[domain-name:value = 'a\\n']",
        "[domain-name:value = 'a\\']",
        "[domain-name:value 'a']",
        "[domain-name:value =]",
        "[domain-name:value = 'a' AND]",
        "[domain-name:value = 'a' OR]",
        "[OR domain-name:value = 'a']",
        "[domain-name:value IN 'a']",
        "[domain-name:value IN ()]",
        "[domain-name:value IN ('a',)]",
        "[domain-name:value IN ('a'",
        "[(domain-name:value = 'a']",
        "([domain-name:value = 'a']",
        "[domain-name:value = 'a'] x",
        "[domain-name:value = 'a'] OR",
        "[domain-name:value = 'a'][url:value='b']",
        "[domain-name:value = 'a'b']",
        "['a' = domain-name:value]",
        "[domain-name.value = 'a']",
        "[:value = 'a']",
        "[domain-name:value\u{a0}= 'a']",
        "[domain-name:value = 'a' /* b */]",
    ];
    for pattern in bad {
        assert!(parse(pattern).is_err(), "{pattern}: {}", told(pattern));
    }
}

#[test]
fn a_pattern_is_bounded() {
    let list = |count: usize| format!("[ipv4-addr:value IN ({})]", vec!["'a'"; count].join(","));
    assert_eq!(parse(&list(PARTS_MAX)).unwrap().len(), PARTS_MAX);
    assert_eq!(parse(&list(PARTS_MAX + 1)), Err(TOO_MANY));
    // Notes that are joined to many values count for each.
    let notes = vec!["file:size = 1"; 200].join(" AND ");
    let values = |count: usize| vec!["file:hashes.MD5 = 'a'"; count].join(" OR ");
    assert_eq!(parse(&format!("[{notes} AND ({})]", values(100))), Err(TOO_MANY));
    assert!(parse(&format!("[{notes} AND ({})]", values(50))).is_ok());
    let nested =
        |depth: usize| format!("[{}domain-name:value = 'a'{}]", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(DEPTH_MAX)).is_ok());
    for deep in [nested(DEPTH_MAX + 1), nested(1_000_000), "(".repeat(1_000_000)] {
        assert!(parse(&deep).is_err());
    }
    // Joins take no longer than the pattern is.
    for part in ["file:hashes.MD5 = 'a'", "file:size = 1"] {
        assert!(parse(&format!("[{}]", vec![part; PARTS_MAX].join(" AND "))).is_ok());
    }
}

/// A pattern that is printed: each observation has alternatives, each of these what is joined.
#[derive(Clone, Debug)]
enum Said {
    Value(&'static str, String),
    List(Vec<String>),
    Hashes(Vec<(&'static str, String)>, Vec<String>),
    Port(String, u16),
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

impl Said {
    fn print(&self, gap: &str) -> String {
        let equal = |path: &str, text: &str| format!("{path}{gap}={gap}{}", quoted(text));
        match self {
            Self::Value(path, text) => equal(path, text),
            Self::List(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                format!("ipv4-addr:value IN{gap}({})", texts.join(&format!("{gap},{gap}")))
            }
            Self::Hashes(hashes, names) => {
                let hashes = hashes.iter().map(|(path, text)| equal(path, text));
                let names = names.iter().map(|name| equal("file:name", name));
                format!("({gap}{}{gap})", names.chain(hashes).collect::<Vec<_>>().join(" AND "))
            }
            Self::Port(text, port) => {
                format!(
                    "network-traffic:dst_port{gap}={gap}{port} AND {}",
                    equal("network-traffic:dst_ref.value", text)
                )
            }
        }
    }

    fn values(&self) -> Vec<String> {
        match self {
            Self::Value(_, text) | Self::Port(text, _) => vec![text.clone()],
            Self::List(texts) => texts.clone(),
            Self::Hashes(hashes, _) => hashes.iter().map(|(_, text)| text.clone()).collect(),
        }
    }
}

fn said() -> impl Strategy<Value = Said> {
    let text = || {
        vec(select(vec!["a", "'", "\\", "]", " OR ", "é", "=", "[", "\"", "\n"]), 0..6)
            .prop_map(|parts| parts.concat())
    };
    let paths =
        vec!["domain-name:value", "url:value", "file:hashes.'SHA-256'", "file:hashes.MD5", "ipv6-addr:value"];
    let hashes = vec!["file:hashes.MD5", "file:hashes.'SHA-1'", "file:hashes.sha256"];
    prop_oneof![
        (select(paths), text()).prop_map(|(path, text)| Said::Value(path, text)),
        vec(text(), 1..4).prop_map(Said::List),
        (vec((select(hashes), text()), 1..4), vec(text(), 0..3))
            .prop_map(|(hashes, names)| Said::Hashes(hashes, names)),
        (text(), any::<u16>()).prop_map(|(text, port)| Said::Port(text, port)),
    ]
}

proptest! {
    /// Printing a pattern and reading it gives its values, in order, and nothing else.
    #[test]
    fn a_pattern_names_the_values_that_it_was_made_of(
        observations in vec(vec(said(), 1..4), 1..4),
        gap in select(vec!["", " ", "\n\t "]),
    ) {
        let printed: Vec<String> = observations
            .iter()
            .map(|all| format!("[{gap}{}{gap}]", all.iter().map(|said| said.print(gap)).collect::<Vec<_>>().join(" OR ")))
            .collect();
        let pattern = printed.join(&format!("{gap} OR {gap}"));
        let want: Vec<String> = observations.iter().flatten().flat_map(Said::values).collect();
        let groups = parse(&pattern).unwrap();
        let seen: Vec<String> = groups.iter().flat_map(|group| &group.values).map(|(_, value)| value.to_string()).collect();
        prop_assert_eq!(seen, want, "{}", pattern);
        let notes: usize = groups.iter().map(|group| group.notes.len()).sum();
        let want_notes: usize = observations.iter().flatten().map(|said| match said {
            Said::Hashes(_, names) => names.len(),
            Said::Port(..) => 1,
            _ => 0,
        }).sum();
        prop_assert_eq!(notes, want_notes);
    }

    /// The short way takes nothing that the long one does not, and reads it in the same way.
    #[test]
    fn the_short_way_is_the_long_way(
        path in select(vec!["domain-name:value", "file:hashes.'SHA-256'", "file:name", "url:value ", "x:y", "url:value NOT"]),
        operator in select(vec!["=", " = ", "==", "!=", "<=", " IN "]),
        pieces in vec(select(vec!["a", "'", "\\", "]", " ", "=", "[", "' AND url:value='", "\\'", "é"]), 0..8),
        end in select(vec!["']", "' ]", "'", "] ", "'\t\n]"]),
    ) {
        let pattern = format!("[{path}{operator}'{}{end}", pieces.concat());
        if let Some(group) = single(&pattern) {
            prop_assert_eq!(parse_whole(&pattern), Ok(vec![group]), "{}", pattern);
        }
    }

    /// Fuzzed: no text does harm.
    #[test]
    fn no_text_does_harm(pieces in vec(select(vec![
        "[", "]", "(", ")", "'", "\\", "=", " ", "AND", " OR ", "IN", ",", "domain-name:value", "file:hashes.MD5", "é", "t'", "1", "NOT", "\u{0}",
    ]), 0..40)) {
        let pattern = pieces.concat();
        if let Ok(groups) = parse(&pattern) {
            prop_assert!(!groups.is_empty());
            prop_assert!(groups.iter().all(|group| !group.values.is_empty() || !group.notes.is_empty()));
        }
    }
}
