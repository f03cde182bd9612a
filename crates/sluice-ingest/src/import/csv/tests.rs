//! Headers, and records as objects.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::{ColumnChoice, RecordReader, read_header};

/// The objects of a table, a line each.
fn objects(table: &str, column: &str) -> String {
    let choice =
        if column.is_empty() { ColumnChoice::default() } else { ColumnChoice::parse(column).unwrap() };
    let header = match read_header(table.as_bytes(), true, &choice).unwrap() {
        Ok(header) => header,
        Err((at, fault)) => return format!("{fault} at {at}\n"),
    };
    let mut told = String::new();
    let mut reader = RecordReader::new(header.columns.delimiter);
    for line in table[header.bytes..].split_inclusive('\n') {
        let mut element = Vec::new();
        reader.append_element(line.as_bytes(), &header.columns, &mut element);
        serde_json::from_slice::<serde_json::Value>(&element).unwrap();
        writeln!(told, "{}", str::from_utf8(&element).unwrap()).unwrap();
    }
    assert_eq!(header.lines, table[..header.bytes].lines().count() as u64);
    told
}

#[track_caller]
fn check(table: &str, column: &str, want: &Expect) {
    want.assert_eq(&objects(table, column));
}

#[test]
fn the_header_decides() {
    check(
        "first,Indicator,tags,note\nx,example.com,C2; APT;,\"say \"\"a\"\", b\"\n,192.0.2.1,,\n",
        "",
        &expect![[r#"
            {"indicator":"example.com","context":{"first":"x","note":"say \"a\", b"},"tags":["C2","APT"]}
            {"indicator":"192.0.2.1"}
        "#]],
    );
    check(
        "url;ip\nexample.com;192.0.2.1\n",
        "",
        &expect![[r#"
        {"indicator":"192.0.2.1","context":{"url":"example.com"}}
    "#]],
    );
    check(
        "# by hand\n# id\tmd5\n7\tabc\r\n",
        "",
        &expect![[r#"
        {"indicator":"abc","context":{"id":"7"}}
    "#]],
    );
}

#[test]
fn without_a_header_the_first_column_counts() {
    check(
        "\"192.0.2.1\",C2\n 192.0.2.2 ,x\n,\n",
        "",
        &expect![[r#"
        {"indicator":"192.0.2.1"}
        {"indicator":"192.0.2.2"}
        {}
    "#]],
    );
    check(
        "a;192.0.2.1;C2\nb\n",
        "indicator=2,tags=3",
        &expect![[r#"
        {"indicator":"192.0.2.1","tags":["C2"]}
        {}
    "#]],
    );
}

#[test]
fn a_value_and_its_type_are_no_header() {
    let table = "192.0.2.1,ip\nevil.example.com,domain\n";
    for column in ["", "indicator=1"] {
        check(
            table,
            column,
            &expect![[r#"
                {"indicator":"192.0.2.1"}
                {"indicator":"evil.example.com"}
            "#]],
        );
    }
    let hash = "d41d8cd98f00b204e9800998ecf8427e";
    assert_eq!(objects(&format!("{hash},md5\n"), ""), format!("{{\"indicator\":\"{hash}\"}}\n"));
}

#[test]
fn names_that_each_row_is_given_are_bounded() {
    let table = |length| format!("ip,{}\n192.0.2.1,x\n", "n".repeat(length));
    assert!(objects(&table(4_093), "").starts_with("{\"indicator\":\"192.0.2.1\",\"context\""));
    assert_eq!(objects(&table(4_094), ""), "the names in the header have more than 4096 bytes at 0\n");
}

#[test]
fn a_request_may_name_columns() {
    check(
        "first,dst_ip,malware\nx,192.0.2.1,C2\n",
        "indicator=dst_ip,tags=Malware",
        &expect![[r#"
        {"indicator":"192.0.2.1","context":{"first":"x"},"tags":["C2"]}
    "#]],
    );
    check(
        "ip,url\n192.0.2.1,example.com\n",
        "indicator=2",
        &expect![[r#"
        {"indicator":"example.com","context":{"ip":"192.0.2.1"}}
    "#]],
    );
    check("ip,url\n", "indicator=none", &expect!["the header has no such column at 0\n"]);
    check("ip,url\n", "tags=none", &expect!["the header has no such column at 0\n"]);
    check("192.0.2.1,x\n", "tags=none", &expect!["the header has no such column at 0\n"]);
    for wrong in ["", "2", "indicator=", "indicator=0", "indicator=1,indicator=2", "x=1", "indicator=1,"] {
        assert_eq!(ColumnChoice::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn more_of_a_table_is_needed_until_its_first_record_is_there() {
    let read = |table: &str| read_header(table.as_bytes(), false, &ColumnChoice::default());
    assert!(read("# id,ip\n").is_none());
    assert!(read("ip,no").is_none());
    assert!(read("ip,\"no\n").is_none());
    assert!(read("ip,\"no\nte\"\n").is_some());
    let header = read_header(b"# nothing\n", true, &ColumnChoice::default()).unwrap().unwrap();
    assert_eq!((header.bytes, header.lines), (0, 0));
}

/// Fields and records longer than the buffers are at first.
#[test]
fn a_record_may_be_long() {
    let (field, count) = ("x".repeat(3_000), 200);
    let record = vec![field.as_str(); count].join(",");
    let mut reader = RecordReader::new(b',');
    let fields: Vec<usize> = reader.read(record.as_bytes()).map(<[u8]>::len).collect();
    assert_eq!(fields, vec![3_000; count]);
    assert_eq!(reader.read(b"a,b").count(), 2);
}
