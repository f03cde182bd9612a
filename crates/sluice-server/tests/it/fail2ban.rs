//! The filter that is shipped for fail2ban, against lines of the real daemon.

use regex::Regex;

use crate::{
    daemon::{as_token, with_password},
    process::Process,
};

const SUPPLIERS: &str = "/api/1.0/suppliers";

/// The expressions of the filter that is shipped, with its abbreviations written out.
fn ban_expressions() -> Vec<Regex> {
    let filter = include_str!("../../../../deploy/fail2ban/filter.d/sluice.conf");
    let value = |name: &str| {
        let rest = filter.split_once(&format!("\n{name} = ")).unwrap().1;
        rest.lines().next().unwrap().to_owned()
    };
    let first = value("failregex");
    let rest = filter.split_once(&first).unwrap().1.lines().skip(1);
    let expressions = std::iter::once(first.as_str()).chain(rest.take_while(|line| line.starts_with(' ')));
    let written_out = expressions.map(|expression| {
        let expression = expression.trim().replace("%(_prefix)s", &value("_prefix"));
        let expression = expression.replace("%(_guess)s", &value("_guess"));
        Regex::new(&expression.replace("<ADDR>", "(?P<address>[0-9A-Fa-f:.]+)")).unwrap()
    });
    written_out.collect()
}

/// Who is to be banned for a line.
fn banned(expressions: &[Regex], line: &str) -> Option<String> {
    let found = expressions.iter().find_map(|expression| expression.captures(line))?;
    Some(found["address"].to_owned())
}

#[test]
fn the_filter_of_fail2ban_finds_those_who_guess_and_nobody_else() {
    let expressions = ban_expressions();
    assert_eq!(expressions.len(), 2);
    for format in ["text", "json"] {
        let process = Process::after(&format!("export SLUICE_LOG__ACCESS=true SLUICE_LOG__FORMAT={format}"));
        let hostile = "x WARN login: login refused address=192.0.2.1 reason=\"wrong password\"";
        let guesses = [
            with_password("admin", "wrong"),
            with_password("nobody", "wrong"),
            with_password(hostile, "wrong"),
            as_token("sluice_never"),
            "Authorization: Basic !\r\n".to_owned(),
        ];
        for guess in &guesses {
            assert_eq!(process.ask_with("GET", SUPPLIERS, guess, b"").status, 401);
        }
        assert_eq!(process.ask_with("GET", SUPPLIERS, "", b"").status, 401);
        assert_eq!(process.ask("GET", SUPPLIERS, b"").status, 200);
        let said = process.said();
        let bans: Vec<String> = said.lines().filter_map(|line| banned(&expressions, line)).collect();
        assert_eq!(bans, vec!["127.0.0.1"; guesses.len()], "{said}");
        // As fail2ban gets it from the journal, and with the time taken out.
        let line = said.lines().find(|line| line.contains("wrong password")).unwrap();
        let time = if format == "text" { line.split(' ').next() } else { line.split('"').nth(3) };
        let from_journal = format!("host sluiced[7]: {}", line.replacen(time.unwrap(), "", 1));
        assert_eq!(banned(&expressions, &from_journal).as_deref(), Some("127.0.0.1"), "{from_journal}");
    }
}
