//! A typed password counts when both times are the same; what cannot be one is asked for no second time.

use std::io;

use super::ask_twice;

/// What comes of it when these are typed, and what was asked.
fn typed(lines: &[&str]) -> (Result<String, String>, Vec<String>) {
    let (mut lines, mut asked) = (lines.iter(), Vec::new());
    let outcome = ask_twice(&mut |prompt| {
        asked.push(prompt.to_owned());
        lines.next().map(|line| (*line).to_owned()).ok_or(io::ErrorKind::UnexpectedEof.into())
    });
    let outcome = outcome.map(|password| String::from_utf8(password.to_vec()).unwrap());
    (outcome.map_err(|error| format!("{error:#}")), asked)
}

#[test]
fn a_password_counts_when_it_is_typed_twice() {
    assert_eq!(typed(&["secret", "secret"]).0.as_deref(), Ok("secret"));
    let (outcome, asked) = typed(&["secret", "secrte"]);
    assert_eq!(outcome.unwrap_err(), "the two are not the same; nothing has changed");
    assert_eq!(asked, ["Password: ", "The same again: "]);
}

#[test]
fn an_empty_password_is_refused_at_once() {
    let (outcome, asked) = typed(&["", ""]);
    assert!(outcome.unwrap_err().contains("a password has 1 to"), "it is taken");
    assert_eq!(asked.len(), 1);
    assert!(typed(&["secret"]).0.unwrap_err().starts_with("cannot ask on the terminal"));
}
