//! Names of hosts: spelling, bounds, and the Public Suffix List.
//!
//! In: a host without user, port and brackets. Out: its name in lower-case ASCII.

use super::value::Refusal;

/// Longest label and longest name.
const LENGTHS_MAX: (usize, usize) = (63, 253);

/// Runs of dots are one dot, and none at the ends.
pub(crate) fn without_extra_dots(host: &str) -> String {
    let labels: Vec<_> = host.split('.').filter(|label| !label.is_empty()).collect();
    labels.join(".")
}

/// A name in Punycode and lower case.
pub(crate) fn in_ascii(name: &str) -> Result<String, Refusal> {
    let labels: Vec<String> = name.split('.').map(label_in_ascii).collect();
    let name = labels.join(".");
    let is_allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    let is_short = labels.iter().all(|label| label.len() <= LENGTHS_MAX.0) && name.len() <= LENGTHS_MAX.1;
    if name.is_empty() || !is_short || !name.bytes().all(is_allowed) {
        return Err(Refusal::Format);
    }
    Ok(name)
}

/// The name without each leading `www.` that leaves a name with a dot: `www.com` is a domain like any other.
pub(crate) fn without_www(name: &str) -> Result<String, Refusal> {
    let mut rest = name;
    while let Some(shorter) = rest.strip_prefix("www.").filter(|shorter| shorter.contains('.')) {
        rest = shorter;
    }
    if rest.contains('.') { Ok(rest.to_owned()) } else { Err(Refusal::Format) }
}

/// Whether a mask on this name is narrow enough: it is no suffix of the ICANN section, and neither is all that is below it.
pub(crate) fn check_mask(name: &str) -> Result<(), Refusal> {
    let is_registry = |name: &str| {
        let suffix = psl::suffix(name.as_bytes());
        let is_icann = |suffix: &psl::Suffix<'_>| suffix.typ() == Some(psl::Type::Icann);
        suffix.filter(is_icann).is_some_and(|suffix| suffix.as_bytes() == name.as_bytes())
    };
    // A name without a dot is a top-level domain, whether the list has it or not.
    let is_wide = !name.contains('.') || is_registry(name) || is_registry(&format!("any-name-at-all.{name}"));
    if is_wide { Err(Refusal::WideMask) } else { Ok(()) }
}

/// The names above `name`, down to the registrable domain.
pub(crate) fn parents(name: &str) -> Vec<String> {
    let Some(registrable) = psl::domain_str(name) else { return Vec::new() };
    let above = name.match_indices('.').map(|(dot, _)| &name[dot + 1..]);
    let is_parent = |parent: &&str| *parent == registrable || is_below(parent, registrable);
    above.filter(is_parent).map(str::to_owned).collect()
}

/// Whether `name` ends with a dot and `parent`.
pub(crate) fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

fn label_in_ascii(label: &str) -> String {
    let lower = label.to_lowercase();
    if lower.is_ascii() {
        return lower;
    }
    if !lower.chars().all(|one| one.is_alphanumeric() || matches!(one, '-' | '_')) {
        // It stays what it is, and is refused for it.
        return lower;
    }
    format!("xn--{}", punycode(&lower))
}

/// RFC 3492, section 6.3.
fn punycode(label: &str) -> String {
    let code_points: Vec<u32> = label.chars().map(u32::from).collect();
    let mut output: String = label.chars().filter(char::is_ascii).collect();
    let ascii_count = u32::try_from(output.len()).unwrap();
    let mut handled = ascii_count;
    if 0 < ascii_count {
        output.push('-');
    }
    let (mut next, mut delta, mut bias) = (128, 0, 72);
    while (handled as usize) < code_points.len() {
        let least = code_points.iter().copied().filter(|point| next <= *point).min().unwrap();
        delta += (least - next) * (handled + 1);
        next = least;
        for point in &code_points {
            if *point < next {
                delta += 1;
            } else if *point == next {
                push_number(delta, bias, &mut output);
                bias = adapted(delta, handled + 1, handled == ascii_count);
                delta = 0;
                handled += 1;
            }
        }
        delta += 1;
        next += 1;
    }
    output
}

fn push_number(delta: u32, bias: u32, output: &mut String) {
    let digit = |number: u32| char::from(b"abcdefghijklmnopqrstuvwxyz0123456789"[number as usize]);
    let mut left = delta;
    for step in (36_u32..).step_by(36) {
        let threshold = step.saturating_sub(bias).clamp(1, 26);
        if left < threshold {
            break;
        }
        output.push(digit(threshold + (left - threshold) % (36 - threshold)));
        left = (left - threshold) / (36 - threshold);
    }
    output.push(digit(left));
}

fn adapted(delta: u32, count: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / count;
    let mut bias = 0;
    while 455 < delta {
        delta /= 35;
        bias += 36;
    }
    bias + 36 * delta / (delta + 38)
}
