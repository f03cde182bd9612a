//! Reads what a scrape says, strictly: what is not as the format has it is an error that names the line.
//!
//! In: the text format of Prometheus (0.0.4) or of `OpenMetrics` (1.0.0). Out: families with their samples. A family stands
//! in one piece, with its help, its kind and at most one sample for each set of labels; the buckets of a histogram ascend
//! and end with all that was counted. Whether names keep the conventions of Prometheus is a question of its own
//! ([`breaches`]).

use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod tests;

/// A metric with all its samples.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Family {
    /// Its name, as in its `TYPE` line.
    pub name: String,
    /// `counter`, `gauge`, `histogram` or `info`.
    pub kind: String,
    /// What it tells.
    pub help: String,
    /// Its unit, where the format tells it.
    pub unit: String,
    /// In their order.
    pub samples: Vec<Sample>,
}

/// A number under a name and labels.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// Name of the metric, perhaps with a suffix.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// The value of a label; empty if there is none.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Reads the text of Prometheus.
///
/// # Errors
///
/// The line that is wrong, and why.
pub fn parse(text: &str) -> Result<Vec<Family>, String> {
    let families = read(text, &["HELP", "TYPE"])?;
    for family in &families {
        check(family, &family.name)?;
    }
    Ok(families)
}

/// Reads the text of `OpenMetrics`.
///
/// # Errors
///
/// The line that is wrong, and why.
pub fn parse_open_metrics(text: &str) -> Result<Vec<Family>, String> {
    let Some(text) = text.strip_suffix("# EOF\n") else {
        return Err("it does not end with # EOF".to_owned());
    };
    let families = read(text, &["HELP", "TYPE", "UNIT"])?;
    for family in &families {
        let suffix = match family.kind.as_str() {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        check(family, &format!("{}{suffix}", family.name))?;
        if !family.unit.is_empty() && !family.name.ends_with(&format!("_{}", family.unit)) {
            return Err(format!("{} has the unit {}", family.name, family.unit));
        }
    }
    Ok(families)
}

fn read(text: &str, words: &[&str]) -> Result<Vec<Family>, String> {
    let (mut families, mut names): (Vec<Family>, _) = (Vec::new(), BTreeSet::new());
    if !text.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    for line in text.lines() {
        let wrong = |why: &str| format!("{why}: {line}");
        if let Some(comment) = line.strip_prefix("# ") {
            let mut parts = comment.splitn(3, ' ');
            let (word, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let rest = parts.next().ok_or_else(|| wrong("nothing is said"))?;
            if !words.contains(&word) {
                return Err(wrong("no such word"));
            }
            if word == "HELP" {
                if !names.insert(name.to_owned()) {
                    return Err(wrong("the metric was there already"));
                }
                families.push(Family { name: name.to_owned(), help: rest.to_owned(), ..Family::default() });
                continue;
            }
            let family =
                families.last_mut().filter(|family| family.name == name && family.samples.is_empty());
            let family =
                family.ok_or_else(|| wrong("it is not about the metric whose help stands before"))?;
            let told = if word == "TYPE" { &mut family.kind } else { &mut family.unit };
            if !told.is_empty() {
                return Err(wrong("it was said already"));
            }
            rest.clone_into(told);
        } else {
            let family = families.last_mut().ok_or_else(|| wrong("a sample without a metric"))?;
            family.samples.push(read_sample(line).map_err(|why| wrong(&why))?);
        }
    }
    Ok(families)
}

fn read_sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    check_name(name)?;
    let mut labels = BTreeMap::new();
    if let Some(mut inside) = rest.strip_prefix('{') {
        loop {
            let (label, after) = inside.split_once("=\"").ok_or("a label without a value")?;
            check_name(label)?;
            let (value, after) = read_quoted(after)?;
            if labels.insert(label.to_owned(), value).is_some() {
                return Err(format!("the label {label} comes twice"));
            }
            let Some(next) = after.strip_prefix(',') else {
                rest = after.strip_prefix('}').ok_or("the labels do not end")?;
                break;
            };
            inside = next;
        }
    }
    let text = rest.strip_prefix(' ').ok_or("no space before the value")?;
    let value = match text {
        "+Inf" => f64::INFINITY,
        text if text.starts_with(|first: char| first.is_ascii_digit() || first == '-') => {
            text.parse().map_err(|_no_number| "no number")?
        }
        _ => return Err("no number".to_owned()),
    };
    Ok(Sample { name: name.to_owned(), labels, value })
}

/// A value up to its closing quote, and what follows.
fn read_quoted(text: &str) -> Result<(String, &str), String> {
    let (mut value, mut characters) = (String::new(), text.char_indices());
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, text.get(at + 1..).unwrap_or_default())),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                _ => return Err("no such escape".to_owned()),
            },
            _ => value.push(character),
        }
    }
    Err("a value that does not end".to_owned())
}

fn check_name(name: &str) -> Result<(), String> {
    let is_first = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let is_good = name.as_bytes().first().is_some_and(is_first)
        && name.bytes().all(|byte| is_first(&byte) || byte.is_ascii_digit());
    if is_good { Ok(()) } else { Err(format!("{name:?} is no name")) }
}

/// Checks a family, whose samples have `name`, as far as its lines go together.
fn check(family: &Family, name: &str) -> Result<(), String> {
    let wrong = |why: &str| format!("{}: {why}", family.name);
    if !["counter", "gauge", "histogram", "info"].contains(&family.kind.as_str()) {
        return Err(wrong("it has no kind"));
    }
    let mut seen = BTreeSet::new();
    let mut histograms: BTreeMap<Vec<_>, Vec<&Sample>> = BTreeMap::new();
    for sample in &family.samples {
        let labels: Vec<_> = sample.labels.iter().collect();
        if !seen.insert((&sample.name, labels)) {
            return Err(wrong(&format!("{sample:?} is there twice")));
        }
        if family.kind == "histogram" {
            let key = sample.labels.iter().filter(|(name, _)| *name != "le").collect();
            histograms.entry(key).or_default().push(sample);
        } else if sample.name != name {
            return Err(wrong(&format!("the name {} is not its own", sample.name)));
        } else if family.kind == "counter" && !(0.0..f64::INFINITY).contains(&sample.value) {
            return Err(wrong("it counts below nothing"));
        }
    }
    histograms.values().try_for_each(|samples| check_histogram(name, samples).map_err(|why| wrong(&why)))
}

fn check_histogram(name: &str, samples: &[&Sample]) -> Result<(), String> {
    let of = |suffix: &str| -> Vec<&&Sample> {
        samples.iter().filter(|sample| sample.name == format!("{name}{suffix}")).collect()
    };
    let (buckets, sums, counts) = (of("_bucket"), of("_sum"), of("_count"));
    let ([_sum], [count]) = (sums.as_slice(), counts.as_slice()) else {
        return Err("it has no sum or no count".to_owned());
    };
    if samples.len() != buckets.len() + 2 {
        return Err("it has samples that are none of a histogram".to_owned());
    }
    let (mut last_bound, mut last_value) = (f64::NEG_INFINITY, 0.0);
    for bucket in buckets {
        let bound = if bucket.label("le") == "+Inf" { Ok(f64::INFINITY) } else { bucket.label("le").parse() };
        let bound: f64 = bound.map_err(|_no_number| format!("no bound: {bucket:?}"))?;
        if bound <= last_bound || bucket.value < last_value {
            return Err(format!("its buckets do not ascend: {bucket:?}"));
        }
        (last_bound, last_value) = (bound, bucket.value);
    }
    let is_whole = last_bound.is_infinite() && last_value.to_bits() == count.value.to_bits();
    if is_whole { Ok(()) } else { Err("its last bucket does not hold all".to_owned()) }
}

/// What a family has against the conventions of Prometheus, where `prefix` begins every name.
pub fn breaches(family: &Family, prefix: &str) -> Vec<String> {
    /// Units that are no base units, and words that say what the kind says already.
    const WORDS: [&str; 14] = [
        "ms",
        "milliseconds",
        "microseconds",
        "us",
        "minutes",
        "hours",
        "kb",
        "mb",
        "kib",
        "mib",
        "percent",
        "counter",
        "gauge",
        "histogram",
    ];
    const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];
    let Family { name, kind, help, samples, .. } = family;
    let mut found = Vec::new();
    let mut breach = |is_so: bool, what: &str| {
        if is_so {
            found.push(format!("{name}: {what}"));
        }
    };
    breach(!name.starts_with(prefix), "it does not begin as all do");
    breach(name.chars().any(|character| character.is_ascii_uppercase()), "it has capitals");
    breach(
        name.split('_').any(|word| WORDS.contains(&word)),
        "a word of it is no base unit, or says the kind",
    );
    breach(SUFFIXES.iter().any(|suffix| name.ends_with(suffix)), "it ends as parts of histograms do");
    breach(
        (kind == "counter") != name.ends_with("_total"),
        "counters end with _total, and nothing else does",
    );
    breach(!help.ends_with('.') || help.len() < 10, "its help is no sentence");
    let is_info = name.ends_with("_info");
    breach(
        is_info && samples.iter().any(|sample| sample.value.to_bits() != 1.0_f64.to_bits()),
        "it says 1, or nothing",
    );
    breach(is_info && kind == "histogram", "it is no histogram");
    found
}
