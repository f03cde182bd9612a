//! Cases: tables.

use serde_json::json;

use super::*;

#[test]
fn columns_stand_below_one_another() {
    let rows: [&[Value]; 5] = [
        &[json!("NAME"), json!("TENANTS"), json!("N")],
        &[json!("\u{4f8b}\u{3048}"), json!(["General", "acme"]), json!(1)],
        &[json!("u\u{308}ber"), json!([]), json!(22)],
        &[json!("\u{1b}c"), json!({"\u{9b}": [1, "a"]}), json!(null)],
        &[json!("last"), json!(["a\nb"])],
    ];
    let cells = rows.map(|row| row.iter().map(|value| cell(Some(value))).collect::<Vec<_>>());
    let lines = [
        "NAME     TENANTS             N",
        "\u{4f8b}\u{3048}     General,acme        1",
        "u\u{308}ber                         22",
        r#"\u{1b}c  {"\u009b":[1,"a"]}"#,
        r"last     a\nb",
    ];
    assert_eq!(table(&cells), lines.join("\n") + "\n");
}
