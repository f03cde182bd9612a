//! What is written at which level.

use proptest::prelude::*;
use tracing::Level;

use super::{ACCESS, AUDIT, LOGIN, line::tests::written, targets, tell_panic};
use crate::config::LogSettings;

const LEVELS: [(&str, Level); 5] = [
    ("error", Level::ERROR),
    ("warn", Level::WARN),
    ("info", Level::INFO),
    ("debug", Level::DEBUG),
    ("trace", Level::TRACE),
];

#[test]
fn a_panic_is_one_line_with_its_place() {
    let seen = written(false, true, || tell_panic("src/x.rs:1:2", "index out of bounds:\nthe len is 1"));
    let (begin, end) = seen.split_once(" thread=").unwrap();
    assert_eq!(
        begin,
        "<3>ERROR sluice_server::logging: a thread panicked, which is a bug of sluiced; please report this line"
    );
    assert!(
        end.ends_with("place=\"src/x.rs:1:2\" text=\"index out of bounds:\\\\nthe len is 1\"\n"),
        "{end}"
    );
    // Whoever knows how to cause it cannot fill the log with it.
    let seen = written(false, true, || (0..100).for_each(|_| tell_panic("src/x.rs:1:2", "again")));
    assert_eq!(seen.lines().count(), 9);
}

proptest! {
    #[test]
    fn libraries_have_warnings_at_most_and_our_own_kinds_of_lines_do_not_depend_on_the_level(
        (level_name, level) in proptest::sample::select(LEVELS.to_vec()),
        (asked_name, asked) in proptest::sample::select(LEVELS.to_vec()),
        filter in proptest::sample::select(vec!["", "sluice_store=trace", "sluice=trace"]),
        access in any::<bool>(),
    ) {
        let settings = LogSettings {
            level: level_name.to_owned(),
            filter: filter.to_owned(),
            access,
            ..LogSettings::default()
        };
        let targets = targets(&settings);
        for library in ["actix_web::middleware", "rustls::conn", "tokio", "mio", "h2", "hyper::proto"] {
            let is_told = targets.would_enable(library, &asked);
            prop_assert_eq!(is_told, asked <= level && asked <= Level::WARN, "{} {}", library, asked_name);
        }
        prop_assert!(!targets.would_enable("actix_http::h1::dispatcher", &asked));
        let is_finer = !filter.is_empty();
        prop_assert_eq!(targets.would_enable("sluice_store::compact", &asked), asked <= level || is_finer);
        prop_assert_eq!(targets.would_enable("sluiced", &asked), asked <= level || filter == "sluice=trace");
        prop_assert!(targets.would_enable(AUDIT, &Level::INFO) && targets.would_enable(LOGIN, &Level::WARN));
        prop_assert_eq!(targets.would_enable(ACCESS, &Level::INFO), access);
    }
}
