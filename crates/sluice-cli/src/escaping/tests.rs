//! Cases: what of the daemon's words is shown as it is.

use serde_json::Value;

use super::*;

#[test]
fn nothing_that_a_terminal_obeys_is_shown() {
    for (text, shown) in [
        ("plain, with \"quotes\" and \\", "plain, with \"quotes\" and \\"),
        ("b\u{fc}cher \u{4f8b}", "b\u{fc}cher \u{4f8b}"),
        ("\u{1b}[2J\r\n\t", "\\u{1b}[2J\\r\\n\\t"),
        ("\u{7f}\u{9b}2J", "\\u{7f}\\u{9b}2J"),
        ("evil\u{202e}txt.exe\u{2069}\u{61c}", "evil\\u{202e}txt.exe\\u{2069}\\u{61c}"),
        ("\u{2028}", "\\u{2028}"),
    ] {
        assert_eq!(plain(text), shown);
    }
}

#[test]
fn json_is_the_same_json_on_one_line() {
    let text = "{\"a\":\n\t\"\u{9b}\u{202e}x\u{7f}\"}";
    let shown = plain_json(text);
    assert_eq!(shown, "{\"a\":  \"\\u009b\\u202ex\\u007f\"}");
    let [before, after] = [text, &shown].map(|json| serde_json::from_str::<Value>(json).unwrap());
    assert_eq!(before, after);
}
