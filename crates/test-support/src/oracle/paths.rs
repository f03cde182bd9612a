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

/// Escapes are decoded once. One that comes to a control character, to `#` or to what is no UTF-8 stays, and a `%` that
/// two digits follow only now is an escape itself: else what is printed would be decoded once more when it is read.
pub(crate) fn decoded(text: &str) -> String {
    let pieces = pieces(text);
    let is_digit = |piece: Option<&String>| {
        piece.is_some_and(|piece| matches!(piece.as_bytes(), [b] if b.is_ascii_hexdigit()))
    };
    let mut output = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let is_escape = piece == "%" && is_digit(pieces.get(index + 1)) && is_digit(pieces.get(index + 2));
        output.push_str(if is_escape { "%25" } else { piece });
    }
    output
}

/// Decoded characters, and escapes that stay.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (piece, length) = match escaped_character(rest.as_bytes()) {
            Some((character, length)) if character.is_control() || character == '#' => {
                (rest[..length].to_owned(), length)
            }
            Some((character, length)) => (character.to_string(), length),
            None if escaped_byte(rest.as_bytes()).is_some() => (rest[..3].to_owned(), 3),
            None => (first.to_string(), first.len_utf8()),
        };
        pieces.push(piece);
        rest = &rest[length..];
    }
    pieces
}

/// The character that escapes at the start of `bytes` come to, and how long they are.
fn escaped_character(bytes: &[u8]) -> Option<(char, usize)> {
    let mut found = Vec::new();
    while found.len() < 4 {
        found.push(escaped_byte(bytes.get(3 * found.len()..)?)?);
        if let Ok(text) = std::str::from_utf8(&found) {
            return text.chars().next().map(|character| (character, 3 * found.len()));
        }
    }
    None
}

/// The byte that an escape at the start of `bytes` comes to.
fn escaped_byte(bytes: &[u8]) -> Option<u8> {
    let digits =
        bytes.strip_prefix(b"%")?.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
