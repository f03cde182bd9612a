//! Laws of the normal form, over texts made of the pieces that could break them.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use crate::{
    Indicator, IndicatorKind,
    normalize::{network, normalize, normalize_the_long_way, plain, spelling},
};

/// Texts that are often URLs, built from the pieces that the rules are about.
pub(in super::super) fn url_text() -> impl Strategy<Value = String> {
    let scheme = "(http://|HTTPS://|ftp://|a\\.b://)?";
    let user_info = "([a:]{0,3}@){0,2}";
    let host = prop_oneof![
        "(www\\.|WWW\\.|\\*\\.){0,3}([aB_-]{1,3}\\.{1,2}){1,3}(com|xn--p1ai|РФ|0x1g)\\.?",
        "(0x[0-9A-f]{0,4}|0[0-7]{1,3}|[0-9]{1,3})(\\.(0x[0-9a-f]{0,2}|0[0-7]{0,3}|[0-9]{1,3})){0,3}",
        any::<Ipv6Addr>().prop_map(|address| format!("[{address}]")),
        any::<Ipv4Addr>().prop_map(|address| format!("[::ffff:{address}]")),
        "([тß。．ｗａ]|[a.]|%61|%2e){1,6}\\.(com|рф)",
    ];
    let port = "(:[0-9]{0,4})?";
    (scheme, user_info, host, port, rest_text(), "(#[a#]{0,3})?").prop_map(
        |(scheme, user, host, port, rest, fragment)| format!("{scheme}{user}{host}{port}{rest}{fragment}"),
    )
}

/// Nothing, or a path and query of the pieces that escapes and segments are made of.
fn rest_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/"),
        Just("\\"),
        Just("."),
        Just(".."),
        Just("?"),
        Just("%"),
        Just("%25"),
        Just("2"),
        Just("%32"),
        Just("5"),
        Just("%35"),
        Just("%2f"),
        Just("%2E"),
        Just("%5c"),
        Just("%3F"),
        Just("%23"),
        Just("%20"),
        Just("%C2"),
        Just("%85"),
        Just("%a0"),
        Just("%E3"),
        Just("%80"),
        Just("%0a"),
        Just("%FF"),
        Just("%41"),
        Just("B"),
        Just("Σ"),
        Just("İ"),
        Just("\u{212a}"),
    ];
    prop_oneof![
        1 => Just(String::new()),
        9 => ("[/?]", prop::collection::vec(piece, 0..12))
            .prop_map(|(first, pieces)| format!("{first}{}", pieces.concat())),
    ]
}

fn check_printed_form(text: &str) -> Result<(), TestCaseError> {
    let Ok(value) = Indicator::parse(text) else {
        return Ok(());
    };
    let printed = value.to_string();
    prop_assert_eq!(Indicator::recognize(text), Ok(value.clone()));
    // A URL that prints like a network, or like one that is too wide, is told from it by a scheme.
    let prints_as_network = value.kind() == IndicatorKind::Url
        && (network::parse(&printed).is_some() || network::has_dotted_mask(&printed));
    let printed = if prints_as_network { format!("http://{printed}") } else { printed };
    prop_assert_eq!(Indicator::recognize(&printed), Ok(value.clone()), "printed {:?}", &printed);
    if !printed.contains(char::is_whitespace) {
        prop_assert_eq!(Indicator::parse(&printed), Ok(value.clone()), "printed {:?}", &printed);
    }
    prop_assert!(!printed.contains(char::is_control));
    prop_assert_eq!(Indicator::from_key(value.key()), Some(value));
    Ok(())
}

/// The spellings of one host and rest that must not make a difference.
fn check_spellings(host: &str, rest: &str, scheme: &str, port: &str, www: &str) -> Result<(), TestCaseError> {
    let plain = Indicator::parse(&format!("{host}{rest}")).unwrap();
    for spelling in [
        format!("{scheme}://{host}{rest}"),
        format!("{}{rest}", host.to_uppercase()),
        format!("{host}{port}{rest}"),
        format!("{www}{host}{rest}"),
        format!("{host}.{rest}"),
        format!("http://user:secret@{host}{rest}"),
        format!("{host}{rest}#fragment"),
        format!("{scheme}:\\{host}{rest}"),
        format!("\u{200b}{scheme}:/{host}{rest}\t"),
        format!("//{host}{rest} "),
        format!(
            "{scheme}:///{host}{}",
            rest.strip_prefix('/').map_or(rest.to_owned(), |rest| format!("\\{rest}"))
        ),
        format!("{scheme}://a@{www}{}.{port}{rest}#", host.to_uppercase()),
    ] {
        prop_assert_eq!(Indicator::parse(&spelling), Ok(plain.clone()), "{}", spelling);
    }
    Ok(())
}

/// Texts that are nearly in normal form, with what could be taken for it.
fn plain_text() -> impl Strategy<Value = String> {
    let scheme = "(https?://){0,2}|http:/|httpss://|ftp://";
    let host = prop_oneof![
        3 => "(www\\.){0,3}([a-z0-9_-]{1,6}\\.{1,2}){0,3}(com|x0|0x1|7|xn--a)\\.?",
        2 => "(0|00|01|1|9|25|026|99|255|256|259|260|1000)(\\.(0|1|25|255|256|300)){2,4}",
        1 => "[a-z]{60,66}\\.com|([a-z]{50}\\.){4}[a-z]{44,52}",
        1 => "[a-c.:@/?#%]{0,8}",
    ];
    let port = "(:(|0|80|0080|9999|10000|65535|65536|99999|00000|000080|a|8a))?";
    let rest = "([/?#][a-c/.?=#A-C]{0,6}([/?%:& -~]{0,3}|é|\u{7f}|\\\\|\t|%41)?)?";
    (scheme, host, port, rest).prop_map(|(scheme, host, port, rest)| format!("{scheme}{host}{port}{rest}"))
}

fn check_both_ways(text: &str) -> Result<(), TestCaseError> {
    let (mut short, mut long) = (b"before".to_vec(), b"before".to_vec());
    let (short_way, long_way) = (normalize(text, &mut short), normalize_the_long_way(text, &mut long));
    prop_assert_eq!(short_way.map(|(is, _)| is), long_way.map(|(is, _)| is), "{:?}", text);
    // Where the short way says that the key is enough, the long one finds nothing to keep.
    if short_way.is_ok_and(|(_, is_enough)| is_enough) {
        let mut found = Vec::new();
        if long_way.is_ok_and(|(_, is_enough)| !is_enough) {
            spelling::append(text, &long[b"before".len()..], &mut String::new(), &mut found);
        }
        prop_assert_eq!(found, b"", "{:?}", text);
    }
    prop_assert_eq!(short, long, "{:?}", text);
    Ok(())
}

#[test]
fn plain_texts_go_the_short_way() {
    for text in [
        "example.com",
        "www.a-b.example.com",
        "http://example.com/",
        "https://www.example.com:8443/a/b.php?c=D&e=http://example.org//",
        "http://192.0.2.7:80/i",
        "192.0.2.255",
        "example.com?q",
    ] {
        assert!(plain::append(text, &mut Vec::new()).is_some(), "{text}");
        check_both_ways(text).unwrap();
    }
    for bytes in 8_180..8_200 {
        check_both_ways(&format!("example.com/{}", "a".repeat(bytes - 12))).unwrap();
        check_both_ways(&format!("example.com?{}", "a".repeat(bytes - 12))).unwrap();
    }
}

#[test]
fn lower_case_is_final_for_every_character() {
    for character in char::MIN..=char::MAX {
        for lower in character.to_lowercase() {
            assert!(lower.to_lowercase().eq([lower]), "{character:?}");
            assert!(!matches!(lower, '%' | '#' | '/' | '\\' | '?') || lower == character);
        }
    }
}

#[test]
fn generated_texts_are_mostly_values() {
    let mut runner = TestRunner::deterministic();
    let texts = (0..1_000).map(|_| url_text().new_tree(&mut runner).unwrap().current());
    let values = texts.filter(|text| Indicator::parse(text).is_ok()).count();
    assert!(500 < values, "only {values} of 1000");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn both_ways_lead_to_one_value(
        plain in plain_text(),
        url in url_text(),
        ascii in "[ -~]{0,12}",
        dense in "[a-c0-9./:?@#-]{0,16}",
        hash in "[0-9a-fA-Fg]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}",
        address in any::<Ipv4Addr>(),
        length in "[0-9/?]{0,4}|(255\\.){0,3}(255|254|1|0)(\\.0){0,3}",
    ) {
        for text in [plain, url, ascii, dense, hash, address.to_string(), format!("{address}/{length}")] {
            check_both_ways(&text)?;
            check_both_ways(&format!("http://{text}"))?;
            check_both_ways(&format!("example.com/{text}"))?;
        }
    }

    #[test]
    fn a_printed_form_is_the_same_value(text in url_text()) {
        check_printed_form(&text)?;
    }

    #[test]
    fn a_printed_form_is_the_same_value_for_any_text(text in any::<String>(), rest in any::<String>()) {
        check_printed_form(&text)?;
        check_printed_form(&format!("example.com/{rest}"))?;
        check_printed_form(&format!("{text}.com"))?;
    }

    #[test]
    fn a_printed_form_is_the_same_value_for_hashes_and_addresses(
        text in "[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F:.]{2,20}(/[0-9]{1,3})?",
    ) {
        check_printed_form(&text)?;
    }

    #[test]
    fn spelling_never_makes_two_of_one(
        host in "([a-z0-9]{1,5}\\.){1,3}[a-z]{2,4}",
        rest in rest_text(),
        scheme in "https?|HTTP|ftp",
        // An empty port before `//` would read as a scheme with a dot in it.
        port in ":[0-9]{1,4}",
        www in "(www\\.){0,2}",
    ) {
        check_spellings(&host, &rest, &scheme, &port, &www)?;
    }

    #[test]
    fn notation_never_makes_two_of_one_address(address in any::<Ipv4Addr>(), rest in rest_text()) {
        let plain = Indicator::parse(&format!("http://{address}{rest}")).unwrap();
        let [a, b, c, d] = address.octets();
        let bits = address.to_bits();
        for host in [
            bits.to_string(),
            format!("{bits:#x}"),
            format!("0{bits:o}"),
            format!("{a}.{}", bits & 0xff_ffff),
            format!("{a}.{b}.{}", bits & 0xffff),
            format!("{a:#x}.0{b:o}.{c:#X}.{d}"),
            format!("[{}]", address.to_ipv6_mapped()),
            format!("[::ffff:{:x}:{:x}]", bits >> 16, bits & 0xffff),
        ] {
            let spelling = format!("http://{host}:80{rest}");
            prop_assert_eq!(Indicator::parse(&spelling), Ok(plain.clone()), "{}", spelling);
        }
        prop_assert_eq!(Indicator::parse(&format!("[{}]{rest}", address.to_ipv6_mapped())), Ok(plain));
    }

    #[test]
    fn notation_never_makes_two_of_one_ipv6_address(address in any::<Ipv6Addr>()) {
        let plain = Indicator::parse(&address.to_string());
        let groups = address.segments().map(|group| format!("{group:04X}")).join(":");
        prop_assert_eq!(&Indicator::parse(&groups), &plain);
        prop_assert_eq!(&Indicator::parse(&format!("http://[{groups}]:443/#f")), &plain);
    }

    #[test]
    fn keys_sort_as_values_and_a_host_leads_its_own(
        left in url_text(), right in url_text(), label in "[a-z]{1,3}",
    ) {
        let (Ok(left), Ok(right)) = (Indicator::parse(&left), Indicator::parse(&right)) else { return Ok(()) };
        prop_assert_eq!(left.cmp(&right), left.key().cmp(right.key()));
        prop_assert_eq!(left == right, left.to_string() == right.to_string());
        let host = "a.example.com";
        let key = |text: &str| Indicator::parse(text).unwrap().key().to_vec();
        for own in [format!("{label}.{host}"), format!("{host}/{label}"), format!("*.{host}")] {
            prop_assert!(key(&own).starts_with(&key(host)));
        }
        let other = format!("{label}{host}");
        prop_assert!(!key(&other).starts_with(&key(host)));
    }

    #[test]
    fn keys_of_addresses_sort_as_addresses(left in any::<Ipv4Addr>(), right in any::<Ipv4Addr>()) {
        let key = |address: Ipv4Addr| Indicator::parse(&address.to_string()).unwrap();
        prop_assert_eq!(key(left).cmp(&key(right)), left.cmp(&right));
    }
}
