//! Numbers of the configuration, as people write them: `4`, `"30s"`, `"1GiB"`.
//!
//! In: an integer, or for times and sizes also a text with its unit. Out: a number within its bounds, and back to text.
//! A plain number is one of seconds, milliseconds or bytes.

use std::{fmt, time::Duration};

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use toml::Value;

#[cfg(test)]
mod tests;

/// The unit of plain numbers.
pub(super) const COUNT: char = '1';

/// The unit of times.
pub(super) const SECONDS: char = 's';

/// The unit of times that may be shorter than a second.
pub(super) const MILLISECONDS: char = 'm';

/// The unit of sizes.
pub(super) const BYTES: char = 'B';

/// Units in which sizes are shown, largest first.
const SIZES: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];

/// A number from `MIN` to `MAX`; `DEFAULT` where the key is absent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Bounded<const MIN: u64, const MAX: u64, const DEFAULT: u64, const UNIT: char = COUNT>(u64);

impl<const MIN: u64, const MAX: u64, const DEFAULT: u64, const UNIT: char> Bounded<MIN, MAX, DEFAULT, UNIT> {
    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The number, of things in memory.
    pub fn count(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// The number, in seconds.
    pub fn seconds(self) -> Duration {
        Duration::from_secs(self.0)
    }

    /// The number, or `number` in place of 0.
    pub(super) fn or(self, number: u64) -> Self {
        if self.0 == 0 { Self(number) } else { self }
    }
}

impl<const MIN: u64, const MAX: u64, const DEFAULT: u64, const UNIT: char> Default
    for Bounded<MIN, MAX, DEFAULT, UNIT>
{
    fn default() -> Self {
        const { assert!(MIN <= DEFAULT && DEFAULT <= MAX, "the default is out of bounds") };
        Self(DEFAULT)
    }
}

impl<const MIN: u64, const MAX: u64, const DEFAULT: u64, const UNIT: char> fmt::Debug
    for Bounded<MIN, MAX, DEFAULT, UNIT>
{
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&show(self.0, UNIT))
    }
}

impl<const MIN: u64, const MAX: u64, const DEFAULT: u64, const UNIT: char> Serialize
    for Bounded<MIN, MAX, DEFAULT, UNIT>
{
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if UNIT == COUNT { self.0.serialize(to) } else { show(self.0, UNIT).serialize(to) }
    }
}

impl<'de, const MIN: u64, const MAX: u64, const DEFAULT: u64, const UNIT: char> Deserialize<'de>
    for Bounded<MIN, MAX, DEFAULT, UNIT>
{
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let number = match &value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::String(text) => Some(read(text, UNIT).map_err(de::Error::custom)?),
            _ => return Err(de::Error::custom(format_args!("{value} is not {}", wanted(UNIT)))),
        };
        match number {
            Some(number) if (MIN..=MAX).contains(&number) => Ok(Self(number)),
            _ => {
                let (least, most) = (show(MIN, UNIT), show(MAX, UNIT));
                Err(de::Error::custom(format_args!("{value} is not from {least} to {most}")))
            }
        }
    }
}

/// Reads a text with a unit.
fn read(text: &str, unit: char) -> Result<u64, String> {
    let read = match unit {
        SECONDS => match humantime::parse_duration(text) {
            Ok(time) if time.subsec_nanos() == 0 => Some(time.as_secs()),
            _ => None,
        },
        MILLISECONDS => match humantime::parse_duration(text) {
            Ok(time) if time.subsec_nanos().is_multiple_of(1_000_000) => u64::try_from(time.as_millis()).ok(),
            _ => None,
        },
        BYTES => text.parse().ok().map(|ByteSize(bytes)| bytes),
        _ => None,
    };
    read.ok_or_else(|| format!("{text:?} is not {}", wanted(unit)))
}

fn wanted(unit: char) -> &'static str {
    match unit {
        SECONDS => "a time in whole seconds, such as \"30s\" or \"10m\"",
        MILLISECONDS => "a time in whole milliseconds, such as \"500ms\" or \"10s\"",
        BYTES => "a size, such as \"64KiB\" or \"1GiB\"",
        _ => "a number",
    }
}

/// Writes a number so that [`read`] gives it again.
fn show(number: u64, unit: char) -> String {
    match unit {
        SECONDS => humantime::format_duration(Duration::from_secs(number)).to_string(),
        MILLISECONDS => humantime::format_duration(Duration::from_millis(number)).to_string(),
        BYTES => {
            let fits = |size: &&(u64, &str)| number != 0 && number.is_multiple_of(size.0);
            match SIZES.iter().find(fits) {
                Some((bytes, name)) => format!("{}{name}", number / bytes),
                None => format!("{number}B"),
            }
        }
        _ => number.to_string(),
    }
}
