//! D2: accepted and listed together are all that was sent, in document order, whatever the mix and the cuts.
//!
//! Random bodies from a printed seed against a ledger kept here: `SLUICE_MIX_SEED` repeats one.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::daemon::{Running, as_user, request};

/// A small generator (splitmix64): equal seeds give equal bodies.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

/// What one supplier holds: normal form and the suffix of its category, to the context.
type Ledger = BTreeMap<(String, &'static str), Option<String>>;

struct Element {
    json: String,
    verdict: Verdict,
}

enum Verdict {
    /// Held from now on under this form, with a new context or the one it has.
    Taken((String, &'static str), Option<String>),
    /// Listed like this.
    Listed(String),
}

/// A value out of few, so that repeats are common, in one of its spellings: how it is sent, and its form.
fn good_value(dice: &mut Dice) -> (String, (String, &'static str)) {
    let number = dice.below(60);
    match dice.below(5) {
        0 => (format!("{number:032X}"), (format!("{number:032x}"), "Hash_MD5")),
        1 => (format!("{number:064x}"), (format!("{number:064x}"), "Hash_SHA256")),
        2 => (format!("http://198.51.100.{number}:80"), (format!("198.51.100.{number}"), "IP")),
        3 => (format!("2001:DB8:0::{number:x}"), (v6(number), "IP")),
        _ => {
            let spelling = dice.pick(&["N", "https://www.n", "HTTP://N"]);
            let end = dice.pick(&["", ":443", "/", "#x"]);
            (format!("{spelling}{number}.example.com{end}"), (format!("n{number}.example.com"), "URL"))
        }
    }
}

fn v6(number: u64) -> String {
    if number == 0 { "2001:db8::".to_owned() } else { format!("2001:db8::{number:x}") }
}

fn element(dice: &mut Dice) -> Element {
    let listed =
        |sent: &str, reason: &str| Verdict::Listed(format!(r#"{{"indicator":{sent},"reason":"{reason}"}}"#));
    let (value, form) = good_value(dice);
    let quoted = format!(r#""{value}""#);
    let context = format!(r#"{{"n":{}}}"#, dice.below(1_000_000));
    let space = dice.pick(&["", " ", "\n\t"]);
    // Long ones make several slices of a body.
    let filler = "f".repeat(usize::try_from(dice.below(3_000)).unwrap());
    let (properties, verdict) = match dice.below(12) {
        0 => {
            let bad = dice.pick(&[
                r#""bad name""#,
                r#""bad\\.example.com""#,
                r#""""#,
                r#""\u0000x.test""#,
                r#""-.""#,
                r#""a..b c""#,
            ]);
            (format!(r#""indicator":{space}{bad}"#), listed(bad, "Invalid indicator format"))
        }
        1 => {
            let bad = dice.pick(&["5", "null", "[1,2]", "{\"a\":1}", "true"]);
            let told = serde_json::Value::from(bad).to_string();
            (
                format!(r#""indicator":{space}{bad}"#),
                listed(&told, "Property 'indicator' has an invalid type"),
            )
        }
        2 => (r#""Indicator":"x""#.to_owned(), listed(r#""""#, "Property 'indicator' is missing")),
        3 => (
            format!(r#""tags":["MIX","no-such"],"indicator":{quoted},"context":{context}"#),
            listed(&quoted, "Unknown tag: no-such"),
        ),
        4 if dice.below(2) == 0 => (
            format!(r#""context":{{"a":"\ud800"}},"indicator":{quoted},"x":1e400"#),
            listed(&quoted, "Property 'context' is not valid Unicode"),
        ),
        4 => (
            format!(r#""context":[],"indicator":{quoted}"#),
            listed(&quoted, "Property 'context' has an invalid type"),
        ),
        5 | 6 => (format!(r#""x":[1e400],"indicator":{space}{quoted}"#), Verdict::Taken(form, None)),
        _ => (
            format!(r#""context":{context},{space}"indicator":{quoted},"tags":["mix"]"#),
            Verdict::Taken(form, Some(context)),
        ),
    };
    Element { json: format!(r#"{{{space}{properties},"filler":"{filler}"{space}}}"#), verdict }
}

fn put(daemon: &Running, dice: &mut Dice, elements: &[Element]) -> String {
    let separator = dice.pick(&[",", ", ", "\r\n,"]);
    let bodies: Vec<_> = elements.iter().map(|element| element.json.as_str()).collect();
    let body = format!("[{}]", bodies.join(separator));
    let headers = format!("{}Transfer-Encoding: chunked\r\n", as_user("admin"));
    let mut connection = daemon.connect();
    assert!(connection.send(&request("PUT", "/api/1.1/suppliers/Mix/indicators", &headers, b"")));
    let mut rest = body.as_bytes();
    while !rest.is_empty() {
        let (chunk, later) = rest.split_at(rest.len().min(1 + usize::try_from(dice.below(200_000)).unwrap()));
        assert!(connection.send_chunk(chunk));
        rest = later;
    }
    assert!(connection.send_chunk(b""));
    let answer = connection.answer();
    format!("{} {}", answer.status, answer.body)
}

fn expected(elements: &[Element]) -> String {
    let listed: Vec<&str> = elements
        .iter()
        .filter_map(|element| match &element.verdict {
            Verdict::Listed(entry) => Some(entry.as_str()),
            Verdict::Taken(..) => None,
        })
        .collect();
    if listed.is_empty() {
        return r#"201 [{"status":"All indicators were successfully added to the database"}]"#.to_owned();
    }
    format!(
        r#"202 [{{"status":"An error occurred while adding some of the indicators to the database","error_indicators":[{}]}}]"#,
        listed.join(",")
    )
}

fn check_ledger(daemon: &Running, ledger: &Ledger) {
    let everything = (0..60).flat_map(|number| {
        [
            (format!("{number:032x}"), "Hash_MD5"),
            (format!("{number:064x}"), "Hash_SHA256"),
            (format!("198.51.100.{number}"), "IP"),
            (v6(number), "IP"),
            (format!("n{number}.example.com"), "URL"),
        ]
    });
    let everything: Vec<_> = everything.collect();
    let objects: Vec<&str> = everything.iter().map(|(form, _)| form.as_str()).collect();
    let seen = daemon.detections("", &objects);
    for (value, seen) in everything.iter().zip(seen) {
        let want = ledger.get(value).map_or_else(String::new, |context| {
            format!("Mix_{} {} {}", value.1, value.0, context.as_deref().unwrap_or("{}"))
        });
        assert_eq!(seen, want, "{value:?}");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the seed of a failed run is what repeats it")]
fn accepted_and_listed_are_all_that_was_sent() {
    let seed =
        std::env::var("SLUICE_MIX_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
            u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
        });
    println!("SLUICE_MIX_SEED={seed}");
    let mut dice = Dice(seed);
    let mut daemon = Running::start(&[]);
    daemon.add_suppliers(&["Mix"], 50);
    daemon.add_tags(&["MIX"]);
    let mut ledger = Ledger::new();
    for round in 0..12 {
        let count = [0, 1, 7, 300, 3_000][usize::try_from(dice.below(5)).unwrap()];
        let elements: Vec<Element> = (0..count).map(|_| element(&mut dice)).collect();
        let answer = put(&daemon, &mut dice, &elements);
        assert!(answer == expected(&elements), "round {round}: {answer}\nwanted\n{}", expected(&elements));
        for element in elements {
            if let Verdict::Taken(form, context) = element.verdict {
                let held = ledger.entry(form).or_default();
                *held = context.or(held.take());
            }
        }
        check_ledger(&daemon, &ledger);
        if round % 5 == 4 {
            daemon = daemon.restart(&[]);
            check_ledger(&daemon, &ledger);
        }
    }
}
