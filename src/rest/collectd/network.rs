//! collectd's binary network protocol: a datagram of parts, of which each has a type and a length.
//!
//! Parts say who measured what where and when, and stay true for all values behind them in the datagram. What is read is a
//! pure function of the bytes; values are printed as parts that are read as the same. Values that were read before something
//! that is none are taken. Signatures are passed over, not verified; what is encrypted is refused.

pub use super::naming::Identity;

const HOST: u16 = 0x0000;
const TIME: u16 = 0x0001;
const PLUGIN: u16 = 0x0002;
const PLUGIN_INSTANCE: u16 = 0x0003;
const TYPE: u16 = 0x0004;
const TYPE_INSTANCE: u16 = 0x0005;
const VALUES: u16 = 0x0006;
const TIME_HR: u16 = 0x0008;
const MESSAGE: u16 = 0x0100;
const ENCRYPTED: u16 = 0x0210;

/// How many parts of a second its high resolution has.
const HIGH_RESOLUTION: u32 = 30;

/// A value, by its kind; here all are measures as they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// How much there was since some time, which may begin anew.
    Counter(u64),
    /// How much there is.
    Gauge(f64),
    /// As a counter, and may fall.
    Derive(i64),
    /// How much there was since the last time.
    Absolute(u64),
}

/// Values of one identity at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// What was measured.
    pub identity: Identity,
    /// When: in parts of a second, of which there are 2³⁰, since the epoch.
    pub time: u64,
    /// The values; their names are in the type's definition, which only both sides' `types.db` has.
    pub values: Vec<Value>,
}

/// Why something in a datagram is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is no part, or its content is none of its type; what follows cannot be found.
    Form,
    /// Values of which nothing says who measured what.
    Nameless,
    /// A notification, which is no measure.
    Notification,
    /// An encrypted part.
    Encrypted,
}

impl Refused {
    /// All there are, as counters call them.
    pub const NAMES: [&'static str; 4] = ["form", "nameless", "notification", "encrypted"];

    /// What counters call it.
    pub fn name(self) -> &'static str {
        Refused::NAMES[self as usize]
    }
}

impl Value {
    /// It as the value of a measure.
    pub fn number(self) -> f64 {
        match self {
            Value::Counter(count) | Value::Absolute(count) => count as f64,
            Value::Derive(count) => count as f64,
            Value::Gauge(value) => value,
        }
    }

    fn kind(self) -> u8 {
        match self {
            Value::Counter(_) => 0,
            Value::Gauge(_) => 1,
            Value::Derive(_) => 2,
            Value::Absolute(_) => 3,
        }
    }

    /// Eight bytes as a value: of numbers the most significant is first, of floats the least.
    fn of(kind: u8, bytes: [u8; 8]) -> Option<Self> {
        match kind {
            0 => Some(Value::Counter(u64::from_be_bytes(bytes))),
            1 => Some(Value::Gauge(f64::from_le_bytes(bytes))),
            2 => Some(Value::Derive(i64::from_be_bytes(bytes))),
            3 => Some(Value::Absolute(u64::from_be_bytes(bytes))),
            _ => None,
        }
    }

    fn bytes(self) -> [u8; 8] {
        match self {
            Value::Counter(count) | Value::Absolute(count) => count.to_be_bytes(),
            Value::Derive(count) => count.to_be_bytes(),
            Value::Gauge(value) => value.to_le_bytes(),
        }
    }
}

impl Values {
    /// Nanoseconds since the epoch, to the nearest.
    pub fn nanos(&self) -> i64 {
        let nanos = (u128::from(self.time) * 1_000_000_000 + (1 << (HIGH_RESOLUTION - 1))) >> HIGH_RESOLUTION;
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }
}

/// What a datagram says: values, and what is not taken of it.
pub fn parse(datagram: &[u8]) -> Vec<Result<Values, Refused>> {
    let (mut identity, mut time) = (Identity::default(), 0);
    let mut found = Vec::new();
    let mut rest = datagram;
    while !rest.is_empty() {
        let Some((kind, content, behind)) = part(rest) else {
            found.push(Err(Refused::Form));
            break;
        };
        rest = behind;
        let read = match kind {
            HOST => text(content).map(|host| identity.host = host),
            PLUGIN => text(content).map(|plugin| identity.plugin = plugin),
            PLUGIN_INSTANCE => text(content).map(|instance| identity.plugin_instance = instance),
            TYPE => text(content).map(|kind| identity.kind = kind),
            TYPE_INSTANCE => text(content).map(|instance| identity.type_instance = instance),
            TIME => {
                number(content).and_then(|seconds| seconds.checked_mul(1 << HIGH_RESOLUTION)).map(|parts| time = parts)
            }
            TIME_HR => number(content).map(|parts| time = parts),
            VALUES => values(content).map(|values| {
                let named = identity.lacks().is_none();
                let values = Values { identity: identity.clone(), time, values };
                found.push(if named { Ok(values) } else { Err(Refused::Nameless) });
            }),
            // Signatures, intervals, severities, what newer versions have, and what is told below.
            _ => Some(()),
        };
        if read.is_none() {
            found.push(Err(Refused::Form));
            break;
        }
        found.extend(untaken(kind).map(Err));
    }
    found
}

/// Why a part of this type is not taken, if that is to be told.
fn untaken(kind: u16) -> Option<Refused> {
    match kind {
        MESSAGE => Some(Refused::Notification),
        ENCRYPTED => Some(Refused::Encrypted),
        _ => None,
    }
}

/// The first part: its type, its content, and what is behind it.
fn part(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (kind, rest) = bytes.split_first_chunk()?;
    let (length, _) = rest.split_first_chunk()?;
    let (whole, behind) = bytes.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((u16::from_be_bytes(*kind), whole.get(4..)?, behind))
}

/// collectd itself sends no longer text, its NUL included; each is held once for every part with values.
const LONGEST: usize = 256;

/// A text, which ends with a NUL and has no other.
fn text(content: &[u8]) -> Option<String> {
    let bytes = content.strip_suffix(&[0]).filter(|bytes| bytes.len() < LONGEST && !bytes.contains(&0))?;
    String::from_utf8(bytes.to_vec()).ok()
}

fn number(content: &[u8]) -> Option<u64> {
    content.try_into().ok().map(u64::from_be_bytes)
}

/// As many kinds as values, and then the values.
fn values(content: &[u8]) -> Option<Vec<Value>> {
    let (count, rest) = content.split_first_chunk()?;
    let (kinds, values) = rest.split_at_checked(usize::from(u16::from_be_bytes(*count)))?;
    let (values, remainder) = values.as_chunks();
    if kinds.is_empty() || values.len() != kinds.len() || !remainder.is_empty() {
        return None;
    }
    kinds.iter().zip(values).map(|(kind, bytes)| Value::of(*kind, *bytes)).collect()
}

impl From<&Values> for Vec<u8> {
    /// It as parts, complete in themselves. Texts are taken to have no NUL, and nothing to be longer than a part can be.
    fn from(values: &Values) -> Self {
        let mut bytes = Vec::new();
        let mut put = |kind: u16, content: &[u8]| {
            bytes.extend(kind.to_be_bytes());
            bytes.extend((content.len() as u16 + 4).to_be_bytes());
            bytes.extend(content);
        };
        let identity = &values.identity;
        for (kind, text) in [
            (HOST, &identity.host),
            (PLUGIN, &identity.plugin),
            (PLUGIN_INSTANCE, &identity.plugin_instance),
            (TYPE, &identity.kind),
            (TYPE_INSTANCE, &identity.type_instance),
        ] {
            put(kind, format!("{text}\0").as_bytes());
        }
        put(TIME_HR, &values.time.to_be_bytes());
        let mut content = (values.values.len() as u16).to_be_bytes().to_vec();
        content.extend(values.values.iter().map(|value| value.kind()));
        content.extend(values.values.iter().flat_map(|value| value.bytes()));
        put(VALUES, &content);
        bytes
    }
}
