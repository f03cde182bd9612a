//! Every format of one list with all kinds, hostile values and exceptions.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use ipnet::IpNet;
use sluice_model::Indicator;

use super::{Family, Fit, ListRenderer, Section, ZoneSettings};
use crate::lists::{
    addresses::{Rank, Stretch},
    contents::ListContents,
    format::ListFormat,
    keys::KeyList,
};

fn keys(values: &[&str]) -> KeyList {
    let mut all: Vec<Indicator> = values.iter().map(|value| Indicator::parse(value).unwrap()).collect();
    all.sort();
    let mut list = KeyList::default();
    for one in &all {
        list.push(one.key(), Rank { confidence: 60, updated_seconds: 0 }).unwrap();
    }
    list
}

fn contents(values: &[&str], allowed: &[&str]) -> ListContents {
    let stretch = |first, last| Stretch { first, last, rank: Rank { confidence: 60, updated_seconds: 0 } };
    let (mut listed, mut allowed_names) = (keys(values), keys(allowed));
    allowed_names.mark_covered(&KeyList::default());
    listed.mark_covered(&allowed_names);
    ListContents {
        keys: listed,
        // 192.0.2.0 to 192.0.2.2, and 198.51.100.7.
        v4: vec![stretch(0xc000_0200, 0xc000_0202), stretch(0xc633_6407, 0xc633_6407)],
        v6: vec![
            stretch(0x2001_0db8 << 96, (0x2001_0db9 << 96) - 1),
            stretch(0x2001_0dba_u128 << 96 | 1, 0x2001_0dba_u128 << 96 | 1),
        ],
        allowed_names,
        ..ListContents::default()
    }
}

fn render(format: ListFormat, contents: &ListContents) -> (String, u32) {
    let zone = ZoneSettings::default();
    let mut renderer = ListRenderer::new(format, "edge", (&zone, None), contents);
    let (mut text, mut dropped) = (renderer.preamble(7), 0);
    for section in Section::ALL {
        renderer.open(section, &mut text);
        let (stretches, family) = match section {
            Section::Networks(Family::V4) => (&contents.v4[..], Family::V4),
            Section::Networks(Family::V6) => (&contents.v6[..], Family::V6),
            Section::Keys => (&[][..], Family::V4),
        };
        let networks: Vec<IpNet> = stretches.iter().flat_map(|one| one.networks(family)).collect();
        for network in networks {
            dropped += u32::from(renderer.append_network(network, 60, &mut text) == Fit::Dropped);
        }
        if section == Section::Keys {
            for place in 0..contents.keys.len() {
                dropped += u32::from(renderer.append_key(place, &mut text) == Fit::Dropped);
            }
        }
        renderer.close(section, &mut text);
    }
    (text, dropped)
}

#[track_caller]
fn check(format: ListFormat, contents: &ListContents, want: &Expect) {
    let (mut text, dropped) = render(format, contents);
    writeln!(text, "({dropped} dropped)").unwrap();
    want.assert_eq(&text);
}

const NAMES: [&str; 6] = [
    "evil.example",
    "a.evil.example",
    "*.mask.example",
    "deep.mask.example",
    "half.example",
    "c.half.example",
];
/// Below `half.example`: one two labels down, and a mask.
const ALLOWED: [&str; 2] = ["good.sub.half.example", "*.open.half.example"];

#[test]
fn zones_cover_names_and_say_what_lies_between_them_and_exceptions() {
    check(
        ListFormat::Rpz,
        &contents(&NAMES, &ALLOWED),
        &expect![[r#"
            $ORIGIN rpz.sluice.
            $TTL 300
            @ SOA localhost. hostmaster.rpz.sluice. 7 300 60 604800 300
            @ NS localhost.
            31.0.2.0.192.rpz-ip CNAME .
            32.2.2.0.192.rpz-ip CNAME .
            32.7.100.51.198.rpz-ip CNAME .
            32.zz.db8.2001.rpz-ip CNAME .
            128.1.zz.dba.2001.rpz-ip CNAME .
            evil.example CNAME .
            *.evil.example CNAME .
            half.example CNAME .
            *.half.example CNAME .
            *.open.half.example CNAME rpz-passthru.
            good.sub.half.example CNAME rpz-passthru.
            *.good.sub.half.example CNAME rpz-passthru.
            open.half.example CNAME .
            sub.half.example CNAME .
            *.sub.half.example CNAME .
            *.mask.example CNAME .
            (0 dropped)
        "#]],
    );
}

#[test]
fn names_that_cover_others() {
    let contents = contents(&NAMES, &ALLOWED);
    check(
        ListFormat::Unbound,
        &contents,
        &expect![[r#"
            local-zone: "evil.example" always_nxdomain
            local-zone: "half.example" always_nxdomain
            local-zone: "open.half.example" transparent
            local-zone: "good.sub.half.example" transparent
            local-zone: "deep.mask.example" always_nxdomain
            (1 dropped)
        "#]],
    );
    check(
        ListFormat::Dnsmasq,
        &contents,
        &expect![[r#"
            local=/evil.example/
            local=/half.example/
            server=/*.open.half.example/#
            server=/good.sub.half.example/#
            local=/*.mask.example/
            (0 dropped)
        "#]],
    );
    check(
        ListFormat::NginxMap,
        &contents,
        &expect![[r#"
            # map_hash_bucket_size 512; map_hash_max_size 262144;
            .evil.example 1;
            .half.example 1;
            *.open.half.example 0;
            .good.sub.half.example 0;
            *.mask.example 1;
            (0 dropped)
        "#]],
    );
    check(
        ListFormat::PostfixAccess,
        &contents,
        &expect![[r#"
            evil.example REJECT
            half.example REJECT
            open.half.example DUNNO
            good.sub.half.example DUNNO
            deep.mask.example REJECT
            (1 dropped)
        "#]],
    );
    check(
        ListFormat::SquidDomains,
        &contents,
        &expect![[r#"
            .evil.example
            half.example
            www.half.example
            .c.half.example
            .deep.mask.example
            (1 dropped)
        "#]],
    );
    check(
        ListFormat::Cisco,
        &contents,
        &expect![[r#"
            192.0.2.0/31
            192.0.2.2
            198.51.100.7
            2001:db8::/32
            2001:dba::1
            evil.example
            c.half.example
            deep.mask.example
            (2 dropped)
        "#]],
    );
}

#[test]
fn a_name_of_which_all_below_is_allowed() {
    let contents = contents(&["evil.example"], &["*.evil.example"]);
    let of_names = |format| {
        let (text, dropped) = render(format, &contents);
        let lines = text.lines().filter(|line| line.contains("evil")).collect::<Vec<_>>().join("|");
        format!("{lines} {dropped}")
    };
    assert_eq!(of_names(ListFormat::Rpz), "evil.example CNAME .|*.evil.example CNAME rpz-passthru. 0");
    assert_eq!(of_names(ListFormat::NginxMap), "evil.example 1;|*.evil.example 0; 0");
    assert_eq!(of_names(ListFormat::Dnsmasq), "local=/evil.example/|server=/*.evil.example/# 0");
    assert_eq!(of_names(ListFormat::Unbound), " 1");
    assert_eq!(of_names(ListFormat::PostfixAccess), " 1");
    assert_eq!(of_names(ListFormat::Cisco), " 1");
    // With `www.` it is below itself.
    assert_eq!(of_names(ListFormat::Hosts), "0.0.0.0 evil.example|:: evil.example 0");
    for format in [ListFormat::HaproxyAcl, ListFormat::HaproxyMap, ListFormat::Zeek, ListFormat::SquidDomains]
    {
        let names = of_names(format);
        assert!(names.contains("evil.example") && !names.contains("www."), "{names}");
    }
}

#[test]
fn names_that_are_compared_as_they_are() {
    let contents = contents(&["evil.example", "a.evil.example", "*.mask.example"], &[]);
    check(
        ListFormat::Hosts,
        &contents,
        &expect![[r#"
            0.0.0.0 evil.example
            :: evil.example
            0.0.0.0 www.evil.example
            :: www.evil.example
            0.0.0.0 a.evil.example
            :: a.evil.example
            0.0.0.0 www.a.evil.example
            :: www.a.evil.example
            (1 dropped)
        "#]],
    );
    for (format, line) in [
        (ListFormat::HaproxyAcl, "www.evil.example\n"),
        (ListFormat::HaproxyMap, "www.evil.example 1\n"),
        (ListFormat::SuricataNdjson, "{\"value\":\"www.evil.example\"}\n"),
        (ListFormat::Zeek, "www.evil.example\tIntel::DOMAIN\tsluice:edge\t-\t-\n"),
    ] {
        let (text, _) = render(format, &contents);
        assert!(text.contains(line), "{text}");
        assert!(text.contains(&line.replace("www.", "a.")) && !text.contains("mask"), "{text}");
    }
}

#[test]
fn addresses_and_networks() {
    let contents = contents(&[], &[]);
    check(
        ListFormat::Txt,
        &contents,
        &expect![[r#"
            192.0.2.0/31
            192.0.2.2
            198.51.100.7
            2001:db8::/32
            2001:dba::1
            (0 dropped)
        "#]],
    );
    check(
        ListFormat::Ipset,
        &contents,
        &expect![[r#"
            create edge-v4-new hash:net family inet maxelem 65536
            flush edge-v4-new
            add edge-v4-new 192.0.2.0/31
            add edge-v4-new 192.0.2.2
            add edge-v4-new 198.51.100.7
            swap edge-v4 edge-v4-new
            destroy edge-v4-new
            create edge-v6-new hash:net family inet6 maxelem 65536
            flush edge-v6-new
            add edge-v6-new 2001:db8::/32
            add edge-v6-new 2001:dba::1
            swap edge-v6 edge-v6-new
            destroy edge-v6-new
            (0 dropped)
        "#]],
    );
    check(
        ListFormat::Nft,
        &contents,
        &expect![[r#"
            table inet sluice {
            	set edge_v4 {
            		type ipv4_addr
            		flags interval
            		auto-merge
            	}
            	set edge_v6 {
            		type ipv6_addr
            		flags interval
            		auto-merge
            	}
            }
            flush set inet sluice edge_v4
            flush set inet sluice edge_v6
            add element inet sluice edge_v4 {
            192.0.2.0/31,
            192.0.2.2,
            198.51.100.7
            }
            add element inet sluice edge_v6 {
            2001:db8::/32,
            2001:dba::1
            }
            (0 dropped)
        "#]],
    );
}

#[test]
fn networks_of_routers_and_of_suricata() {
    let contents = contents(&[], &[]);
    check(
        ListFormat::Rsc,
        &contents,
        &expect![[r#"
            /ip/firewall/address-list/remove [find list=edge]
            /ipv6/firewall/address-list/remove [find list=edge]
            :do { /ip/firewall/address-list/add list=edge address=192.0.2.0/31 timeout=1d } on-error={}
            :do { /ip/firewall/address-list/add list=edge address=192.0.2.2 timeout=1d } on-error={}
            :do { /ip/firewall/address-list/add list=edge address=198.51.100.7 timeout=1d } on-error={}
            :do { /ipv6/firewall/address-list/add list=edge address=2001:db8::/32 timeout=1d } on-error={}
            :do { /ipv6/firewall/address-list/add list=edge address=2001:dba::1 timeout=1d } on-error={}
            (0 dropped)
        "#]],
    );
    check(
        ListFormat::SuricataIprep,
        &contents,
        &expect![[r#"
            192.0.2.0/31,1,60
            192.0.2.2,1,60
            198.51.100.7,1,60
            2001:db8::/32,1,60
            2001:dba::1,1,60
            (0 dropped)
        "#]],
    );
    check(
        ListFormat::SuricataNdjson,
        &contents,
        &expect![[r#"
            {"value":"::ffff:192.0.2.0"}
            {"value":"::ffff:192.0.2.1"}
            {"value":"::ffff:192.0.2.2"}
            {"value":"::ffff:198.51.100.7"}
            {"value":"2001:dba::1"}
            (1 dropped)
        "#]],
    );
    for (format, line) in [
        (ListFormat::NginxGeo, "192.0.2.0/31 1;\n192.0.2.2 1;\n"),
        (ListFormat::PostfixCidr, "192.0.2.0/31 REJECT\n192.0.2.2 REJECT\n"),
        (
            ListFormat::Zeek,
            "192.0.2.0/31\tIntel::SUBNET\tsluice:edge\t-\t-\n192.0.2.2\tIntel::ADDR\tsluice:edge\t-\t-\n",
        ),
        (ListFormat::Snort, "192.0.2.0/31\n192.0.2.2\n"),
        (ListFormat::HaproxyMap, "192.0.2.0/31 1\n192.0.2.2 1\n"),
        (ListFormat::Ndjson, "{\"indicator\":\"192.0.2.2\",\"kind\":\"ipv4\",\"confidence\":60}\n"),
    ] {
        let (text, _) = render(format, &contents);
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn urls_are_escaped_or_refused_as_their_devices_need_it() {
    let contents = ListContents {
        keys: keys(&[
            "http://evil.example/a%20b%22c%23d?q=1,2",
            "evil.example/dir/*",
            "*.evil.example/x",
            "evil.example/a*b",
            "http://192.0.2.9/x(1)",
            "http://[2001:db8::9]/x",
            "evil.example/%C3%A9",
        ]),
        ..ListContents::default()
    };
    check(
        ListFormat::Txt,
        &contents,
        &expect![[r#"
            192.0.2.9/x(1)
            [2001:db8::9]/x
            *.evil.example/x
            evil.example/a%20b%22c%23d?q=1,2
            evil.example/a*b
            evil.example/dir/*
            evil.example/%c3%a9
            (0 dropped)
        "#]],
    );
    check(
        ListFormat::Csv,
        &contents,
        &expect![[r#"
            indicator,kind,confidence
            192.0.2.9/x(1),url,60
            [2001:db8::9]/x,url,60
            *.evil.example/x,url,60
            "evil.example/a%20b%22c%23d?q=1,2",url,60
            evil.example/a*b,url,60
            evil.example/dir/*,url,60
            evil.example/%c3%a9,url,60
            (0 dropped)
        "#]],
    );
    check(
        ListFormat::Pan,
        &contents,
        &expect![[r#"
            192.0.2.9/x(1)
            [2001:db8::9]/x
            *.evil.example/x
            evil.example/a%20b%22c%23d?q=1,2
            evil.example/dir/*
            evil.example/%c3%a9
            (1 dropped)
        "#]],
    );
    check(
        ListFormat::Forti,
        &contents,
        &expect![[r#"
            192.0.2.9/x(1)
            [2001:db8::9]/x
            evil.example/a%20b%22c%23d?q=1,2
            evil.example/%c3%a9
            (3 dropped)
        "#]],
    );
    check(
        ListFormat::SquidUrls,
        &contents,
        &expect![[r#"
            ^https?://192\.0\.2\.9(:[0-9]+)?/x\(1\)/?(\?.*)?$
            ^https?://\[2001:db8::9\](:[0-9]+)?/x/?(\?.*)?$
            ^https?://(www\.)?evil\.example(:[0-9]+)?/a%20b%22c%23d\?q=1,2$
            ^https?://(www\.)?evil\.example(:[0-9]+)?/a\*b/?(\?.*)?$
            ^https?://(www\.)?evil\.example(:[0-9]+)?/%c3%a9/?(\?.*)?$
            (2 dropped)
        "#]],
    );
}

#[test]
fn hashes() {
    let hash = "11d68612fea8a8f36de82e1278abb02f";
    let contents = ListContents { keys: keys(&[hash]), ..ListContents::default() };
    assert_eq!(render(ListFormat::Forti, &contents), (format!("{hash}\n"), 0));
    assert_eq!(render(ListFormat::SuricataNdjson, &contents), (format!("{{\"value\":\"{hash}\"}}\n"), 0));
    assert_eq!(render(ListFormat::Pan, &contents), (String::new(), 0));
    let (text, _) = render(ListFormat::Zeek, &contents);
    assert!(text.ends_with(&format!("\n{hash}\tIntel::FILE_HASH\tsluice:edge\t-\t-\n")), "{text}");
}

/// What a device loads when nothing is on the list.
#[test]
fn an_empty_list_is_a_good_file() {
    let contents = ListContents::default();
    let empty = |format| render(format, &contents).0;
    assert_eq!(empty(ListFormat::Txt), "");
    assert!(
        empty(ListFormat::Nft).ends_with("}\nflush set inet sluice edge_v4\nflush set inet sluice edge_v6\n")
    );
    assert!(empty(ListFormat::Rpz).ends_with("@ NS localhost.\n"));
    assert!(
        empty(ListFormat::Ipset).contains("maxelem 65536\nflush edge-v4-new\nswap edge-v4 edge-v4-new\n")
    );
}

/// Each has room in a name, or in a zone, or is not told; and what is allowed is never blocked for that.
#[test]
fn names_that_are_too_long_are_left_out_with_what_hangs_on_them() {
    let label = "a".repeat(60);
    let long = format!("{label}.{label}.{label}.{}.example", "b".repeat(60));
    let contents = contents(
        &["evil.example", "*.mask.example", &long],
        &[
            &format!("{label}.{label}.{label}.{}.evil.example", "b".repeat(45)),
            &format!("{label}.{label}.{label}.{}.mask.example", "b".repeat(45)),
        ],
    );
    let zone = ZoneSettings { origin: format!("{label}."), ..ZoneSettings::default() };
    let mut renderer = ListRenderer::new(ListFormat::Rpz, "edge", (&zone, None), &contents);
    let mut text = String::new();
    let fits: Vec<Fit> =
        (0..contents.keys.len()).map(|place| renderer.append_key(place, &mut text)).collect();
    assert_eq!(
        (text.as_str(), fits.iter().filter(|fit| **fit == Fit::Dropped).count()),
        ("evil.example CNAME .\n", 2)
    );
    assert!(render(ListFormat::Dnsmasq, &contents).0.contains(&long));
    let (hosts, _) = render(ListFormat::Hosts, &contents);
    assert!(
        hosts.contains(&format!("0.0.0.0 {long}\n")) && !hosts.contains(&format!("www.{long}")),
        "{hosts}"
    );
}

#[test]
fn sets_of_ipset_have_room_that_hardly_ever_changes() {
    let contents = contents(&[], &[]);
    let zone = ZoneSettings::default();
    for (entries_max, maxelem) in [(None, 65_536), (Some(10), 65_536), (Some(u64::MAX), 65_536)] {
        let mut text = String::new();
        let mut renderer = ListRenderer::new(ListFormat::Ipset, "edge", (&zone, entries_max), &contents);
        renderer.open(Section::Networks(Family::V4), &mut text);
        assert!(text.contains(&format!("maxelem {maxelem}\n")), "{text}");
    }
}

/// Single addresses that became a network are addresses again.
#[test]
fn a_set_has_every_address_of_what_is_not_too_large() {
    let set = |first: u128, last: u128| {
        let stretch = Stretch { first, last, rank: Rank::default() };
        let (text, dropped) = render(
            ListFormat::SuricataNdjson,
            &ListContents { v4: vec![stretch], ..ListContents::default() },
        );
        (text.lines().count(), dropped)
    };
    assert_eq!(set(0xc612_0000, 0xc612_01ff), (512, 0));
    assert_eq!(set(0xc612_0000, 0xc612_ffff), (65_536, 0));
    assert_eq!(set(0xc612_0000, 0xc613_ffff), (0, 1));
    // Its tables have no more places.
    let of_16_bits = |at: u128| Stretch { first: at << 17, last: (at << 17) + 0xffff, rank: Rank::default() };
    let v4 = (0..8).map(of_16_bits).collect();
    let (text, dropped) = render(ListFormat::SuricataNdjson, &ListContents { v4, ..ListContents::default() });
    assert_eq!((text.lines().count(), dropped), (262_144, 4));
}

/// A public suffix may lie between, and names on both sides of it be listed and allowed: nothing is said twice, and what is allowed counts.
#[test]
fn zones_and_maps_have_no_name_twice() {
    let listed = ["amazonaws.com", "evil.s3.amazonaws.com"];
    let exact = ["s3.amazonaws.com", "good.evil.s3.amazonaws.com", "x.y.s3.amazonaws.com"];
    let masked = ["s3.amazonaws.com", "*.s3.amazonaws.com"];
    for (allowed, good_count) in [(&exact[..], 1), (&masked[..], 0)] {
        let contents = contents(&listed, allowed);
        for (format, passes) in [(ListFormat::Rpz, " CNAME rpz-passthru."), (ListFormat::NginxMap, " 0;")] {
            let (text, _) = render(format, &contents);
            let lines = text
                .lines()
                .filter(|line| line.ends_with(" CNAME .") || line.ends_with(';') || line.ends_with(passes));
            let mut owners: Vec<&str> = lines.filter_map(|line| Some(line.split_once(' ')?.0)).collect();
            let count = owners.len();
            owners.sort_unstable();
            owners.dedup();
            assert_eq!(owners.len(), count, "{text}");
            assert!(text.contains(&format!("\ns3.amazonaws.com{passes}")), "{text}");
            let told = if format == ListFormat::Rpz { 2 * good_count } else { good_count };
            assert_eq!(text.matches("good.evil.s3.amazonaws.com ").count(), told, "{text}");
        }
    }
}

/// Squid reads what is behind as a pattern of its own.
#[test]
fn patterns_that_squid_would_cut_are_left_out() {
    let pattern = "^https?://(www\\.)?example\\.com(:[0-9]+)?/".len() + "/?(\\?.*)?$\n".len();
    for (more, dropped) in [(0, 0), (1, 1)] {
        let url = format!("example.com/{}", "x".repeat(2_046 - pattern + more));
        let (text, count) =
            render(ListFormat::SquidUrls, &ListContents { keys: keys(&[&url]), ..ListContents::default() });
        assert_eq!((count, text.len()), (dropped, if more == 0 { 2_046 } else { 0 }));
    }
}

/// No device may block what is allowed, whatever it makes of a name.
#[test]
fn masks_under_which_something_is_allowed_are_not_for_devices_without_exceptions() {
    let contents = contents(&["*.mask.example", "evil.example"], &["good.mask.example", "good.evil.example"]);
    let (pan, dropped) = render(ListFormat::Pan, &contents);
    assert!(dropped == 1 && pan.contains("\nevil.example\n") && !pan.contains("mask"), "{pan}");
    let (forti, dropped) = render(ListFormat::Forti, &contents);
    assert!(dropped == 2 && !forti.contains("example"), "{forti}");
    let contents = self::contents(&["evil.example/x"], &["*.evil.example"]);
    assert!(!render(ListFormat::SquidUrls, &contents).0.contains("www"));
}
