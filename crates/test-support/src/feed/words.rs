//! Words, names and digits drawn by chance.

use std::fmt::Write as _;

use crate::dice::Dice;

/// What names of hosts are often made of.
const WORDS: [&str; 64] = [
    "account", "active", "alert", "app", "auth", "bank", "best", "bit", "blog", "bonus", "card", "cash",
    "cdn", "center", "claim", "click", "cloud", "club", "coin", "connect", "crypto", "data", "delivery",
    "digital", "direct", "drive", "exchange", "express", "file", "free", "game", "gift", "global", "group",
    "help", "home", "info", "link", "live", "login", "mail", "market", "media", "mobile", "money", "net",
    "news", "online", "pay", "portal", "post", "safe", "secure", "service", "shop", "sign", "store",
    "support", "team", "trade", "update", "verify", "wallet", "web",
];
const ONSETS: [&str; 24] = [
    "b", "br", "c", "ch", "d", "dr", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "pr", "r", "s", "st", "t",
    "tr", "v", "w", "z",
];
const ENDS: [&str; 20] = [
    "a", "e", "i", "o", "u", "an", "ar", "as", "el", "en", "er", "es", "in", "is", "ix", "on", "or", "os",
    "um", "us",
];
const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// One of several texts, each as likely as any other.
pub(super) fn pick<'a>(of: &[&'a str], dice: &mut Dice) -> &'a str {
    of[dice.index(of.len())]
}

/// Appends a common word.
pub(super) fn write_word(dice: &mut Dice, out: &mut String) {
    out.push_str(pick(&WORDS, dice));
}

/// Appends so many syllables.
pub(super) fn write_syllables(count: u64, dice: &mut Dice, out: &mut String) {
    for _ in 0..count {
        out.push_str(pick(&ONSETS, dice));
        out.push_str(pick(&ENDS, dice));
    }
}

/// Appends so many letters and digits.
pub(super) fn write_letters(count: u64, dice: &mut Dice, out: &mut String) {
    for _ in 0..count {
        out.push(char::from(LETTERS[dice.index(LETTERS.len())]));
    }
}

/// Appends so many hexadecimal digits, in lower case.
pub(super) fn write_hex(count: usize, dice: &mut Dice, out: &mut String) {
    let end = out.len() + count;
    while out.len() < end {
        write!(out, "{:016x}", dice.next()).unwrap();
    }
    out.truncate(end);
}
