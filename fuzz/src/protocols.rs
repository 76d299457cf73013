//! What agents send. What can be read is printed, and what is printed is read as the same.

use gnocchetti::internals::collectd::{list, network};
use gnocchetti::internals::influxdb::{Line, parse};
use gnocchetti::internals::statsd;

/// `InfluxDB`'s line protocol.
pub fn line_protocol(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(lines) = parse(text) else { return };
    let printed: Vec<String> = lines.iter().map(Line::to_string).collect();
    assert_eq!(parse(&printed.join("\n")).as_ref(), Ok(&lines));
}

/// A datagram of statsd.
pub fn statsd(data: &[u8]) {
    for line in statsd::lines(data).flatten() {
        if let Ok(parsed) = statsd::parse(line) {
            assert_eq!(statsd::parse(&parsed.to_string()), Ok(parsed));
        }
    }
}

/// What collectd posts.
pub fn collectd_json(data: &[u8]) {
    let Ok(lists) = list::parse(data) else { return };
    let printed = serde_json::to_vec(&lists).expect("what was read can be printed");
    assert_eq!(list::parse(&printed), Ok(lists));
}

/// A datagram of collectd. Bytes are compared, for a NaN is not itself.
pub fn collectd_network(data: &[u8]) {
    let printed = |bytes: &[u8]| -> Vec<u8> {
        let read = network::parse(bytes);
        read.iter().flatten().flat_map(Vec::<u8>::from).collect()
    };
    let once = printed(data);
    assert_eq!(printed(&once), once);
}
