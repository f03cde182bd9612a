//! Times and sizes as people write them.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde::Deserialize;
use toml::Value;

use super::{BYTES, Bounded, MILLISECONDS, SECONDS, read, show};

#[track_caller]
fn check<const UNIT: char>(values: &[Value], want: &Expect) {
    let read = |value: &Value| match Bounded::<1, { 1 << 40 }, 10, UNIT>::deserialize(value.clone()) {
        Ok(number) => format!("{value} = {}\n", number.get()),
        Err(error) => format!("{value}: {}\n", error.message()),
    };
    want.assert_eq(&values.iter().map(read).collect::<String>());
}

fn texts(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| Value::String((*text).to_owned())).collect()
}

#[test]
fn times_are_taken_as_people_write_them() {
    let mut values = texts(&["30s", "10 min", "1h30m", "2days", "1500ms", "2000ms", "30", "soon", "", "-1s"]);
    values.extend([Value::Integer(7), Value::Integer(0), Value::Integer(-1), Value::Float(1.5)]);
    check::<SECONDS>(
        &values,
        &expect![[r#"
            "30s" = 30
            "10 min" = 600
            "1h30m" = 5400
            "2days" = 172800
            "1500ms": "1500ms" is not a time in whole seconds, such as "30s" or "10m"
            "2000ms" = 2
            "30": "30" is not a time in whole seconds, such as "30s" or "10m"
            "soon": "soon" is not a time in whole seconds, such as "30s" or "10m"
            "": "" is not a time in whole seconds, such as "30s" or "10m"
            "-1s": "-1s" is not a time in whole seconds, such as "30s" or "10m"
            7 = 7
            0: 0 is not from 1s to 34841years 5months 1day 13h 48m 16s
            -1: -1 is not from 1s to 34841years 5months 1day 13h 48m 16s
            1.5: 1.5 is not a time in whole seconds, such as "30s" or "10m"
        "#]],
    );
}

#[test]
fn short_times_have_milliseconds() {
    let mut values = texts(&["500ms", "1s 5ms", "10s", "1us", "5"]);
    values.push(Value::Integer(7));
    check::<MILLISECONDS>(
        &values,
        &expect![[r#"
        "500ms" = 500
        "1s 5ms" = 1005
        "10s" = 10000
        "1us": "1us" is not a time in whole milliseconds, such as "500ms" or "10s"
        "5": "5" is not a time in whole milliseconds, such as "500ms" or "10s"
        7 = 7
    "#]],
    );
}

#[test]
fn sizes_are_taken_as_people_write_them() {
    let mut values =
        texts(&["64KiB", "1GiB", "1 GiB", "1.5GiB", "2MB", "3g", "512", "512B", "big", "", "9999999TiB"]);
    values.extend([Value::Integer(7), Value::Integer(0), Value::Integer(-1), Value::Boolean(true)]);
    check::<BYTES>(
        &values,
        &expect![[r#"
            "64KiB" = 65536
            "1GiB" = 1073741824
            "1 GiB" = 1073741824
            "1.5GiB" = 1610612736
            "2MB" = 2000000
            "3g" = 3000000000
            "512" = 512
            "512B" = 512
            "big": "big" is not a size, such as "64KiB" or "1GiB"
            "": "" is not a size, such as "64KiB" or "1GiB"
            "9999999TiB": "9999999TiB" is not from 1B to 1TiB
            7 = 7
            0: 0 is not from 1B to 1TiB
            -1: -1 is not from 1B to 1TiB
            true: true is not a size, such as "64KiB" or "1GiB"
        "#]],
    );
}

proptest! {
    #[test]
    fn what_is_shown_is_read_again(number in any::<u64>(), shift in 0_u32..64) {
        for unit in [SECONDS, MILLISECONDS, BYTES] {
            // The library for times takes years of 365.25 days, and so many of them do not fit.
            let number = if unit == BYTES { number >> shift << shift } else { number >> 32 };
            prop_assert_eq!(read(&show(number, unit), unit), Ok(number));
        }
    }
}
