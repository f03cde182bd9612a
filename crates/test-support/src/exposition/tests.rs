//! What is read, and what is refused.

use expect_test::{Expect, expect};

use super::{breaches, parse, parse_open_metrics};

#[track_caller]
fn check_refused(text: &str, want: &Expect) {
    want.assert_eq(&parse(text).unwrap_err());
}

const HISTOGRAM: &str = "\
# HELP sluice_t_seconds Times.
# TYPE sluice_t_seconds histogram
sluice_t_seconds_bucket{route=\"a\",le=\"0.1\"} 1
sluice_t_seconds_bucket{route=\"a\",le=\"+Inf\"} 3
sluice_t_seconds_sum{route=\"a\"} 2.5
sluice_t_seconds_count{route=\"a\"} 3
";

#[test]
fn families_and_samples_are_read() {
    let text = format!(
        "# HELP a_total Some help.\n# TYPE a_total counter\na_total{{x=\"1\",y=\"q\\\"\\\\\\n}},\"}} 5\na_total 6.5e3\n{HISTOGRAM}"
    );
    let families = parse(&text).unwrap();
    assert_eq!(families.len(), 2);
    assert_eq!((families[0].name.as_str(), families[0].help.as_str()), ("a_total", "Some help."));
    assert_eq!(families[0].samples[0].label("y"), "q\"\\\n},");
    assert_eq!(families[0].samples[1].value.to_bits(), 6_500.0_f64.to_bits());
    assert_eq!(families[1].samples.len(), 4);
}

#[test]
fn the_other_format_has_units_and_an_end() {
    let text =
        "# HELP a_seconds Time.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 5\n";
    let families = parse_open_metrics(&format!("{text}# EOF\n")).unwrap();
    assert_eq!((families[0].unit.as_str(), families[0].samples.len()), ("seconds", 1));
    parse_open_metrics(text).unwrap_err();
    let told = text.replace("UNIT a_seconds seconds", "UNIT a_seconds bytes");
    parse_open_metrics(&format!("{told}# EOF\n")).unwrap_err();
}

#[test]
fn what_is_not_as_the_format_has_it_is_refused() {
    check_refused("a 1", &expect!["the last line does not end"]);
    check_refused("a 1\n", &expect!["a sample without a metric: a 1"]);
    let head = "# HELP a Some help.\n# TYPE a gauge\n";
    check_refused(&format!("{head}{head}"), &expect!["the metric was there already: # HELP a Some help."]);
    check_refused(&format!("{head}b 1\n"), &expect!["a: the name b is not its own"]);
    check_refused(&format!("{head}a{{x=\"\\t\"}} 1\n"), &expect![[r#"no such escape: a{x="\t"} 1"#]]);
    check_refused(
        &format!("{head}a{{x=\"1\",x=\"2\"}} 1\n"),
        &expect![[r#"the label x comes twice: a{x="1",x="2"} 1"#]],
    );
    check_refused(&format!("{head}a{{}} 1\n"), &expect!["a label without a value: a{} 1"]);
    check_refused(&format!("{head}a nothing\n"), &expect!["no number: a nothing"]);
    check_refused(
        &format!("{head}a 1\na 2\n"),
        &expect![[r#"a: Sample { name: "a", labels: {}, value: 2.0 } is there twice"#]],
    );
    check_refused("# HELP a Some help.\na 1\n", &expect!["a: it has no kind"]);
    check_refused(
        "# HELP a Some help.\n# TYPE b gauge\n",
        &expect!["it is not about the metric whose help stands before: # TYPE b gauge"],
    );
    check_refused(
        &HISTOGRAM.replace("le=\"+Inf\"} 3", "le=\"+Inf\"} 2"),
        &expect!["sluice_t_seconds: its last bucket does not hold all"],
    );
    check_refused(
        &HISTOGRAM.replace("le=\"0.1\"} 1", "le=\"0.1\"} 4"),
        &expect![[
            r#"sluice_t_seconds: its buckets do not ascend: Sample { name: "sluice_t_seconds_bucket", labels: {"le": "+Inf", "route": "a"}, value: 3.0 }"#
        ]],
    );
}

#[test]
fn conventions_are_held() {
    let names = [
        ("sluice_a_total", "counter", 0),
        ("sluice_a", "counter", 1),
        ("sluice_a_total", "gauge", 1),
        ("sluice_wait_ms", "gauge", 1),
        ("sluice_a_count", "gauge", 1),
        ("other", "gauge", 1),
        ("sluice_wait_seconds", "histogram", 0),
    ];
    for (name, kind, count) in names {
        let families = parse(&format!("# HELP {name} What it is.\n# TYPE {name} {kind}\n")).unwrap();
        assert_eq!(breaches(&families[0], "sluice_").len(), count, "{name} {kind}");
    }
}
