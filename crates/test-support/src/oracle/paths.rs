//! Paths and queries: escapes, slashes, dot segments, and the trailing `/*`.
//!
//! In: what follows the host, without a fragment. Out: path, whether it ended with `/*`, query.

/// Reads what follows the host.
pub(crate) fn read(text: &str) -> (String, bool, Option<String>) {
    let text = decoded(text).to_lowercase();
    let (path, query) = text.split_once('?').map_or((text.as_str(), ""), |(path, query)| (path, query));
    let path = path.replace('\\', "/");
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let is_mask = query.is_empty() && segments.last() == Some(&"*");
    if is_mask {
        segments.pop();
    }
    let mut normal = segments.iter().fold(String::new(), |path, segment| path + "/" + segment);
    let has_paths_below = is_mask && !normal.is_empty();
    // Before a query a slash is not the last character, and stays; a dot segment at the end stands for one.
    let ends_with_slash = ["", ".", ".."].iter().any(|last| path.rsplit('/').next() == Some(last));
    if !query.is_empty() && (ends_with_slash || normal.is_empty()) {
        normal.push('/');
    }
    (normal, has_paths_below, (!query.is_empty()).then(|| query.to_owned()))
}

/// Escapes are decoded once. One that would come to an escape again, to a control character, to `#` or to what is no
/// UTF-8 stays.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut output = String::new();
    let mut at = 0;
    while at < bytes.len() {
        if let Some((character, length)) = escaped_character(&bytes[at..]) {
            let rest = &bytes[at + length..];
            let is_escape_again =
                character == '%' && 2 <= rest.len() && rest[..2].iter().all(u8::is_ascii_hexdigit);
            if !is_escape_again && !character.is_control() && character != '#' {
                output.push(character);
                at += length;
                continue;
            }
        }
        let character = text[at..].chars().next().unwrap();
        output.push(character);
        at += character.len_utf8();
    }
    output
}

/// The character that escapes at the start of `bytes` come to, and how long they are.
fn escaped_character(bytes: &[u8]) -> Option<(char, usize)> {
    let mut found = Vec::new();
    while found.len() < 4 {
        let escape = bytes.get(3 * found.len()..3 * found.len() + 3)?;
        let digits = std::str::from_utf8(&escape[1..]).ok().filter(|_| escape[0] == b'%')?;
        if digits.starts_with('+') {
            return None;
        }
        found.push(u8::from_str_radix(digits, 16).ok()?);
        if let Ok(text) = std::str::from_utf8(&found) {
            return text.chars().next().map(|character| (character, 3 * found.len()));
        }
    }
    None
}
