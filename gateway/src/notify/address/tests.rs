use super::*;

/// Hosts that lead to what only we can reach, in every spelling that a URL may have.
const FORBIDDEN: &[&str] = &[
    "0.0.0.0",
    "0",
    "0x0",
    "0.1.2.3",
    "00.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "10.1",
    "0xa000001",
    "0xa.0.0.1",
    "012.0.0.1",
    "167772161",
    "100.64.0.1",
    "100.127.255.254",
    "0x64.0x40.0.1",
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "0177.0.0.1",
    "017700000001",
    "127.255.255.254",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "api.localhost",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "169.254.0.1",
    "0251.0376.0251.0376",
    "169.254.43518",
    "172.16.0.1",
    "172.31.255.255",
    "172.20.1",
    "0xac.0x10.0.1",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.0.2.255",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.1",
    "192.168.255.255",
    "3232235521",
    "0xc0a80001",
    "0300.0250.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "4294967295",
    "0xffffffff",
    "255.255.65535",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::0001]",
    "[::2]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::10.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::FFFF:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:192.168.0.1]",
    "[::ffff:0:0]",
    "[::ffff:100.64.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[::ffff:0:a00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b::c0a8:1]",
    "[64:ff9b:1::1]",
    "[64:ff9b:1::8.8.8.8]",
    "[100::1]",
    "[2002:7f00:1::]",
    "[2002:a00:1::1]",
    "[2002:c0a8:101::]",
    "[2002:a9fe:a9fe::1]",
    "[2002:6440:1::]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[2001:0:4136:e378:8000:63bf:3f57:fefe]",
    "[2001:0:7f00:1:8000:63bf:f7f7:f7f7]",
    "[2001:0:a00:1::f7f7:f7f7]",
    "[2001:2::1]",
    "[2001:10::1]",
    "[2001:20::1]",
    "[2001:1::1]",
    "[2001:db8::1]",
    "[2001:db8:ffff::1]",
    "[2620:4f:8000::1]",
    "[3fff::1]",
    "[3fff:fff::1]",
    "[5f00::1]",
    "[fc00::1]",
    "[fd00::1]",
    "[fd12:3456:789a::1]",
    "[fe80::1]",
    "[febf::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[ff0e::1]",
    "[ff05::2]",
    "[2606:4700::5efe:10.0.0.1]",
    "[2606:4700::200:5efe:192.168.0.1]",
    "[1::1]",
    "[4000::1]",
    "[8000::1]",
    "[e000::1]",
];

#[test]
fn nothing_that_is_not_public_is_called_in_any_spelling() {
    let guard = Guard::new(&[]);
    for host in FORBIDDEN {
        let url = format!("https://{host}:8443/hook");
        assert!(
            matches!(guard.judge(&url), Err(Refused::Forbidden(_))),
            "{url}: {:?}",
            Url::parse(&url)
        );
    }
    assert!(FORBIDDEN.len() >= 100, "{}", FORBIDDEN.len());
}

#[test]
fn the_world_is_called() {
    let guard = Guard::new(&[]);
    for host in [
        "example.com",
        "8.8.8.8",
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "198.17.0.1",
        "198.20.0.1",
        "223.255.255.255",
        "[2606:4700::1111]",
        "[2a00:1450::1]",
        "[::ffff:8.8.8.8]",
        "[64:ff9b::8.8.8.8]",
        "[2002:808:808::1]",
    ] {
        assert!(guard.judge(&format!("https://{host}/hook")).is_ok(), "{host}");
    }
}

#[test]
fn other_schemes_and_names_in_urls_are_refused() {
    let guard = Guard::new(&[]);
    for url in [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com",
        "https://user:password@example.com/",
        "https://user@example.com/",
        "data:text/plain,x",
    ] {
        assert!(matches!(guard.judge(url), Err(Refused::Forbidden(_))), "{url}");
    }
    for url in
        ["", "example.com", "https://", "https://[::1", "https://1.2.3.4.5.6.999/", "//example.com"]
    {
        assert_eq!(guard.judge(url).unwrap_err(), Refused::Unreadable, "{url}");
    }
}

#[test]
fn allowed_networks_are_called_by_http_too_and_no_others() {
    let guard = Guard::new(&[Network::parse("127.0.0.0/8").unwrap()]);
    for url in [
        "http://127.0.0.1:9/",
        "https://127.1/",
        "http://localhost/",
        "https://[::ffff:127.0.0.1]/",
    ] {
        assert!(guard.judge(url).is_ok(), "{url}");
    }
    for url in ["http://8.8.8.8/", "https://10.0.0.1/", "http://[::1]/", "https://[::1]/"] {
        assert!(matches!(guard.judge(url), Err(Refused::Forbidden(_))), "{url}");
    }
    assert!(!guard.admits("8.8.8.8".parse().unwrap(), Reach::Allowed));
    assert!(guard.admits("8.8.8.8".parse().unwrap(), Reach::World));
}
