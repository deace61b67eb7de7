//! The part of Python's pickle that a checkpoint needs, and nothing else. Globals are compared with a list of exact
//! names; nothing is ever called.
//!
//! A value is made once and known by its number from then on, to tables as to the memo. So no operation copies more than
//! numbers that it takes off the stack, texts stay where they are in the file, and the memory and the time that a hostile
//! pickle can ask for are bounded by its operations. What is copied at the end, or into a message, is bounded by itself.

use std::collections::{HashMap, HashSet};

use crate::error::{Code, Error, Result};

/// Operations before reading is given up.
const MAX_OPERATIONS: usize = 1_000_000;
/// Tensors in one checkpoint.
pub const MAX_TENSORS: usize = 20_000;
/// Bytes of a tensor's name.
const MAX_NAME: usize = 1024;
/// Arguments of a call: `_rebuild_tensor_v2` has seven.
const MAX_ARGUMENTS: usize = 8;

/// The type of the numbers of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageKind {
    /// 32-bit floating point.
    Float,
    /// 16-bit floating point, IEEE.
    Half,
    /// 16-bit floating point, bfloat.
    BFloat16,
    /// 64-bit floating point.
    Double,
    /// 64-bit whole numbers.
    Long,
    /// 32-bit whole numbers.
    Int,
    /// 16-bit whole numbers.
    Short,
    /// 8-bit whole numbers with a sign.
    Char,
    /// 8-bit whole numbers without.
    Byte,
    /// True or false, a byte each.
    Bool,
}

impl StorageKind {
    /// Bytes of one number.
    pub fn bytes(self) -> u64 {
        match self {
            StorageKind::Char | StorageKind::Byte | StorageKind::Bool => 1,
            StorageKind::Half | StorageKind::BFloat16 | StorageKind::Short => 2,
            StorageKind::Float | StorageKind::Int => 4,
            StorageKind::Double | StorageKind::Long => 8,
        }
    }
}

/// A tensor as the pickle describes it: a view of a storage, counted in numbers, not yet checked against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorRecord {
    /// Type of the numbers.
    pub kind: StorageKind,
    /// Name of the storage.
    pub storage: String,
    /// Numbers in the storage.
    pub storage_count: u64,
    /// First number.
    pub offset: i64,
    /// Shape.
    pub shape: Vec<i64>,
    /// Steps along each side.
    pub strides: Vec<i64>,
}

/// The number of a value, in the order in which they were made.
type Id = u32;

#[derive(Debug)]
enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Text(&'a str),
    Global(Global),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Storage(Storage<'a>),
    Tensor(Box<TensorRecord>),
    Other,
}

/// A storage as the pickle names it.
#[derive(Debug, Clone, Copy)]
struct Storage<'a> {
    kind: StorageKind,
    name: &'a str,
    count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Global {
    /// A table, whatever its kind.
    Table,
    /// Only as the argument of a table that has defaults.
    TableType,
    RebuildTensor,
    RebuildParameter,
    Storage(StorageKind),
}

fn global(module: &str, name: &str) -> Option<Global> {
    Some(match (module, name) {
        ("collections", "OrderedDict" | "defaultdict") => Global::Table,
        ("builtins" | "__builtin__", "dict") => Global::TableType,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Global::RebuildTensor,
        ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
        ("torch" | "torch.cuda", storage) => Global::Storage(match storage {
            "FloatStorage" => StorageKind::Float,
            "HalfStorage" => StorageKind::Half,
            "BFloat16Storage" => StorageKind::BFloat16,
            "DoubleStorage" => StorageKind::Double,
            "LongStorage" => StorageKind::Long,
            "IntStorage" => StorageKind::Int,
            "ShortStorage" => StorageKind::Short,
            "CharStorage" => StorageKind::Char,
            "ByteStorage" => StorageKind::Byte,
            "BoolStorage" => StorageKind::Bool,
            _ => return None,
        }),
        _ => return None,
    })
}

/// What a pickle of tensors says.
#[derive(Debug)]
pub struct Described {
    /// The tensors of the `state_dict` by name; one level of `state_dict` or `model` around them is opened.
    pub tensors: Vec<(String, TensorRecord)>,
    /// Every storage that the pickle names, those of other tables too: kind and count of its numbers.
    pub storages: HashMap<String, (StorageKind, u64)>,
    /// Bytes of the pickle.
    pub length: usize,
}

/// Reads the pickle at the beginning of `bytes`.
///
/// # Errors
/// [`Code::Checkpoint`] with the offset of whatever is not part of a plain checkpoint.
pub fn describe(bytes: &[u8]) -> Result<Described> {
    let mut machine = Machine::new(bytes);
    let result = machine.run()?;
    let Value::Dict(entries) = machine.value(result) else {
        return Err(Error::new(Code::Checkpoint, "holds no table of tensors (a state_dict)"));
    };
    let keys: Vec<&str> = machine.named(entries).map(|(key, _)| key).collect();
    let nested: Vec<&[(Id, Id)]> = machine
        .named(entries)
        .filter(|(key, _)| ["state_dict", "model"].contains(key))
        .filter_map(|(_, value)| if let Value::Dict(inner) = value { Some(&inner[..]) } else { None })
        .collect();
    let table = match nested[..] {
        [] => entries,
        [inner] => inner,
        _ => {
            let found =
                format!("holds both a state_dict and a model; which one is meant is not clear among {}", few(&keys));
            return Err(Error::new(Code::Checkpoint, found).hint("save only the one that is meant"));
        }
    };
    let tensors: Vec<(&str, &TensorRecord)> = machine
        .named(table)
        .filter_map(|(key, value)| if let Value::Tensor(record) = value { Some((key, &**record)) } else { None })
        .collect();
    if tensors.is_empty() {
        return Err(Error::new(Code::Checkpoint, format!("holds no tensor; its keys are {}", few(&keys)))
            .hint("save the network's own table: torch.save(model.state_dict(), path)"));
    }
    if tensors.len() > MAX_TENSORS {
        return Err(Error::new(Code::Limit, format!("{} tensors, at most {MAX_TENSORS}", tensors.len())));
    }
    // One text may stand in many places, and is copied for each: so names differ, and are short.
    let mut names = HashSet::new();
    for (name, _) in &tensors {
        if name.len() > MAX_NAME {
            let found = format!("a tensor's name of {} bytes, at most {MAX_NAME}: {}", name.len(), cut(name));
            return Err(Error::new(Code::Limit, found));
        }
        if !names.insert(*name) {
            return Err(Error::new(Code::Checkpoint, "a name that comes twice").place(format!("tensor {}", cut(name))));
        }
    }
    let tensors = tensors.into_iter().map(|(name, record)| (name.to_string(), record.clone())).collect();
    let storages = machine.storages.iter().map(|(name, held)| (name.to_string(), *held)).collect();
    Ok(Described { tensors, storages, length: machine.at })
}

/// The texts of a pickled list, and the bytes that it takes: the names of the storages in the old form.
///
/// # Errors
/// [`Code::Checkpoint`] if it is no such list.
pub fn texts(bytes: &[u8]) -> Result<(Vec<&str>, usize)> {
    let mut machine = Machine::new(bytes);
    let result = machine.run()?;
    let Value::List(items) = machine.value(result) else { return Err(machine.wrong("no list of storages")) };
    let texts: Option<Vec<&str>> = items.iter().map(|&item| machine.text(item)).collect();
    Ok((texts.ok_or_else(|| machine.wrong("a storage without a name"))?, machine.at))
}

/// What the old form says of the machine that wrote it: whether its numbers are little-endian; and the bytes that it takes.
///
/// # Errors
/// [`Code::Checkpoint`] if it is no such table.
pub fn little_endian(bytes: &[u8]) -> Result<(bool, usize)> {
    let mut machine = Machine::new(bytes);
    let result = machine.run()?;
    let Value::Dict(facts) = machine.value(result) else { return Err(machine.wrong("no table about the machine")) };
    let little = machine.named(facts).find_map(|(key, value)| match value {
        Value::Bool(little) if key == "little_endian" => Some(*little),
        _ => None,
    });
    Ok((little.ok_or_else(|| machine.wrong("nothing about the order of bytes"))?, machine.at))
}

fn few(names: &[&str]) -> String {
    let some: Vec<String> = names.iter().take(6).map(|name| cut(name)).collect();
    match names.len() {
        0..=6 => some.join(", "),
        count => format!("{}, … ({count} in all)", some[..5].join(", ")),
    }
}

/// A text for a message, without control characters: of a long one the beginning.
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text[..end].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Every value that was made.
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Tensors that were made, those of an optimiser too.
    tensors: usize,
    storages: HashMap<&'a str, (StorageKind, u64)>,
}

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Machine {
            bytes,
            at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            tensors: 0,
            storages: HashMap::new(),
        }
    }

    fn wrong(&self, what: impl Into<String>) -> Error {
        Error::new(Code::Checkpoint, what).place(format!("pickle offset {}", self.at))
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8]> {
        let end = usize::try_from(count).ok().and_then(|count| self.at.checked_add(count));
        let end = end.filter(|&end| end <= self.bytes.len()).ok_or_else(|| self.wrong("the pickle is cut"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self, bytes: u64) -> Result<u64> {
        let taken = self.take(bytes)?;
        let mut wide = [0u8; 8];
        wide[..taken.len()].copy_from_slice(taken);
        Ok(u64::from_le_bytes(wide))
    }

    fn utf8(&self, bytes: &'a [u8]) -> Result<&'a str> {
        std::str::from_utf8(bytes).map_err(|_| self.wrong("a text that is not UTF-8"))
    }

    fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or_else(|| self.wrong("the pickle is cut"))?;
        self.at += end + 1;
        self.utf8(&rest[..end])
    }

    fn value(&self, id: Id) -> &Value<'a> {
        &self.values[id as usize]
    }

    fn text(&self, id: Id) -> Option<&'a str> {
        if let Value::Text(text) = self.value(id) { Some(text) } else { None }
    }

    /// The entries of a table whose keys are texts.
    fn named<'m>(&'m self, entries: &'m [(Id, Id)]) -> impl Iterator<Item = (&'a str, &'m Value<'a>)> {
        entries.iter().filter_map(|&(key, value)| self.text(key).map(|key| (key, self.value(value))))
    }

    fn make(&mut self, value: Value<'a>) {
        // As many as operations at most, which are fewer than 32 bits can count.
        self.stack.push(self.values.len() as Id);
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let popped = if self.stack.len() > floor { self.stack.pop() } else { None };
        popped.ok_or_else(|| self.wrong("the pickle takes a value that is not there"))
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(|| self.wrong("no mark"))?;
        Ok(self.stack.split_off(mark))
    }

    fn top(&self) -> Result<Id> {
        self.stack.last().copied().ok_or_else(|| self.wrong("the pickle changes a value that is not there"))
    }

    fn memoize(&mut self, index: u32) -> Result<()> {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<()> {
        let id = self.memo.get(&index).copied().ok_or_else(|| self.wrong(format!("no memo {index}")))?;
        self.stack.push(id);
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<()> {
        let (pairs, []) = items.as_chunks::<2>() else { return Err(self.wrong("a key without a value")) };
        let table = self.top()? as usize;
        let Value::Dict(entries) = &mut self.values[table] else {
            return Err(self.wrong("keys for something that is no table"));
        };
        entries.extend(pairs.iter().map(|&[key, value]| (key, value)));
        Ok(())
    }

    fn append(&mut self, items: &[Id]) -> Result<()> {
        let list = self.top()? as usize;
        let Value::List(list) = &mut self.values[list] else {
            return Err(self.wrong("items for something that is no list"));
        };
        list.extend(items);
        Ok(())
    }

    fn find_global(&mut self, module: &str, name: &str) -> Result<()> {
        let found = global(module, name).ok_or_else(|| {
            self.wrong(format!("asks for {}.{}, which is no part of a plain checkpoint", cut(module), cut(name)))
                .hint("save only the state_dict of the network: torch.save(model.state_dict(), path)")
        })?;
        self.make(Value::Global(found));
        Ok(())
    }

    fn reduce(&mut self) -> Result<()> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let (Value::Global(callee), Value::Tuple(arguments)) = (self.value(callee), self.value(arguments)) else {
            return Err(self.wrong("calls something that is no function of a plain checkpoint"));
        };
        if arguments.len() > MAX_ARGUMENTS {
            return Err(self.wrong(format!("a call with {} arguments", arguments.len())));
        }
        let arguments: Vec<&Value<'a>> = arguments.iter().map(|&argument| self.value(argument)).collect();
        let value = match (callee, &arguments[..]) {
            (Global::Table, [] | [Value::Global(Global::TableType)]) => Value::Dict(Vec::new()),
            (
                Global::RebuildTensor,
                [Value::Storage(storage), Value::Int(offset), Value::Tuple(shape), Value::Tuple(strides), ..],
            ) => {
                let integers = |ids: &[Id]| -> Option<Vec<i64>> {
                    let integer = |&id: &Id| if let Value::Int(number) = self.value(id) { Some(*number) } else { None };
                    ids.iter().map(integer).collect()
                };
                let small = shape.len() == strides.len() && shape.len() <= 8;
                let sides = if small { integers(shape).zip(integers(strides)) } else { None };
                let (shape, strides) = sides.ok_or_else(|| self.wrong("a tensor whose shape is not understood"))?;
                Value::Tensor(Box::new(TensorRecord {
                    kind: storage.kind,
                    storage: storage.name.to_string(),
                    storage_count: storage.count,
                    offset: *offset,
                    shape,
                    strides,
                }))
            }
            (Global::RebuildParameter, [Value::Tensor(record), ..]) => Value::Tensor(record.clone()),
            _ => return Err(self.wrong("a call whose arguments are not understood")),
        };
        self.tensors += usize::from(matches!(value, Value::Tensor(_)));
        if self.tensors > 4 * MAX_TENSORS {
            return Err(self.wrong(format!("more than {} tensors", 4 * MAX_TENSORS)));
        }
        self.make(value);
        Ok(())
    }

    fn persistent(&mut self) -> Result<()> {
        let parts = self.pop()?;
        let Value::Tuple(parts) = self.value(parts) else { return Err(self.wrong("a storage that is not understood")) };
        let parts: Vec<&Value<'a>> = parts.iter().take(MAX_ARGUMENTS).map(|&part| self.value(part)).collect();
        // The old form has one more: what part of another storage it is, which is nothing where it is its own.
        let ([
            Value::Text("storage"),
            Value::Global(Global::Storage(kind)),
            Value::Text(name),
            Value::Text(_),
            Value::Int(count),
        ]
        | [
            Value::Text("storage"),
            Value::Global(Global::Storage(kind)),
            Value::Text(name),
            Value::Text(_),
            Value::Int(count),
            Value::None,
        ]) = parts[..]
        else {
            return Err(self.wrong("a storage that is not understood"));
        };
        let plain = !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (true, Ok(count)) = (plain, u64::try_from(*count)) else {
            return Err(self.wrong("a storage that is not understood"));
        };
        let storage = Storage { kind: *kind, name, count };
        let held = (storage.kind, count);
        if *self.storages.entry(storage.name).or_insert(held) != held {
            return Err(self.wrong(format!("storage {} has two sizes or types", storage.name)));
        }
        if self.storages.len() > MAX_TENSORS {
            return Err(self.wrong(format!("more than {MAX_TENSORS} storages")));
        }
        self.make(Value::Storage(storage));
        Ok(())
    }

    fn run(&mut self) -> Result<Id> {
        for _ in 0..MAX_OPERATIONS {
            let operation = self.take(1)?[0];
            match operation {
                0x80 => drop(self.take(1)?),                              // PROTO
                0x95 => drop(self.take(8)?),                              // FRAME
                b'(' => self.marks.push(self.stack.len()),                // MARK
                b'.' => return self.pop(),                                // STOP
                b'}' => self.make(Value::Dict(Vec::new())),               // EMPTY_DICT
                b']' => self.make(Value::List(Vec::new())),               // EMPTY_LIST
                b')' => self.make(Value::Tuple(Vec::new())),              // EMPTY_TUPLE
                b'N' => self.make(Value::None),                           // NONE
                0x88 | 0x89 => self.make(Value::Bool(operation == 0x88)), // NEWTRUE, NEWFALSE
                b'K' | b'M' => {
                    let number = self.number(if operation == b'K' { 1 } else { 2 })?; // BININT1, BININT2
                    self.make(Value::Int(number as i64));
                }
                b'J' => {
                    let number = self.number(4)? as u32 as i32; // BININT
                    self.make(Value::Int(i64::from(number)));
                }
                0x8a => {
                    let length = self.number(1)?; // LONG1
                    let digits = self.take(length)?;
                    if digits.len() > 8 {
                        return Err(self.wrong("a whole number of more than 64 bits"));
                    }
                    let negative = digits.last().is_some_and(|digit| digit & 0x80 != 0);
                    let mut wide = if negative { [0xFF; 8] } else { [0; 8] };
                    wide[..digits.len()].copy_from_slice(digits);
                    self.make(Value::Int(i64::from_le_bytes(wide)));
                }
                b'G' => {
                    self.take(8)?; // BINFLOAT
                    self.make(Value::Other);
                }
                b'X' | b'T' | 0x8c | b'U' => {
                    // BINUNICODE and SHORT_BINUNICODE; BINSTRING and SHORT_BINSTRING of Python 2
                    let length = self.number(if matches!(operation, b'X' | b'T') { 4 } else { 1 })?;
                    let text = self.take(length)?;
                    let text = self.utf8(text)?;
                    self.make(Value::Text(text));
                }
                b'q' | b'r' => {
                    let index = self.number(if operation == b'q' { 1 } else { 4 })? as u32; // BINPUT, LONG_BINPUT
                    self.memoize(index)?;
                }
                0x94 => self.memoize(self.memo.len() as u32)?, // MEMOIZE
                b'h' | b'j' => {
                    let index = self.number(if operation == b'h' { 1 } else { 4 })? as u32; // BINGET, LONG_BINGET
                    self.recall(index)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?); // GLOBAL
                    self.find_global(module, name)?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?); // STACK_GLOBAL
                    let (Some(module), Some(name)) = (self.text(module), self.text(name)) else {
                        return Err(self.wrong("a global without a name"));
                    };
                    self.find_global(module, name)?;
                }
                b't' => {
                    let items = self.pop_mark()?; // TUPLE
                    self.make(Value::Tuple(items));
                }
                0x85..=0x87 => {
                    let mut items = Vec::with_capacity(3); // TUPLE1, TUPLE2, TUPLE3
                    for _ in 0..operation - 0x84 {
                        items.push(self.pop()?);
                    }
                    items.reverse();
                    self.make(Value::Tuple(items));
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?); // SETITEM
                    self.set_items(&[key, value])?;
                }
                b'u' => {
                    let items = self.pop_mark()?; // SETITEMS
                    self.set_items(&items)?;
                }
                b'a' => {
                    let item = self.pop()?; // APPEND
                    self.append(&[item])?;
                }
                b'e' => {
                    let items = self.pop_mark()?; // APPENDS
                    self.append(&items)?;
                }
                b'R' => self.reduce()?,     // REDUCE
                b'b' => drop(self.pop()?),  // BUILD: attributes such as _metadata
                b'Q' => self.persistent()?, // BINPERSID
                other => return Err(self.wrong(format!("operation 0x{other:02x} is no part of a plain checkpoint"))),
            }
        }
        Err(self.wrong(format!("more than {MAX_OPERATIONS} operations")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_the_system_is_refused_by_name() {
        let error = describe(b"cos\nsystem\n(X\x02\x00\x00\x00lstR.").unwrap_err();
        assert!(error.to_string().contains("asks for os.system"), "{error}");
    }

    #[test]
    fn a_cut_pickle_is_refused() {
        assert!(describe(b"\x80\x02}q").unwrap_err().to_string().contains("cut"));
        assert!(describe(b"\x80\x02.").unwrap_err().to_string().contains("not there"));
    }

    #[test]
    fn a_memo_bomb_stays_small() {
        // Each tuple holds the last one twice: 2^60 values, were they copied.
        let mut bytes = b"\x80\x02]q\x00".to_vec();
        for _ in 0..60 {
            bytes.extend(b"h\x00h\x00\x86q\x00");
        }
        bytes.push(b'.');
        let mut machine = Machine::new(&bytes);
        machine.run().unwrap();
        assert_eq!(machine.values.len(), 61);
    }

    #[test]
    fn a_table_that_stands_in_two_places_is_one() {
        // {"ema": d, "model": d}, and what is put into d afterwards is in both.
        let storage = b"X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x02tQ";
        let tensor = [b"ctorch._utils\n_rebuild_tensor_v2\n((", &storage[..], b"K\0K\x02\x85K\x01\x85tR"].concat();
        let entry = [&b"X\x01\0\0\0a"[..], &tensor].concat();
        let bytes = [b"\x80\x02}(X\x03\0\0\0ema}q\x00", &entry[..], b"sX\x05\0\0\0modelh\x00u."].concat();
        let found = describe(&bytes).unwrap();
        assert_eq!((found.tensors.len(), &found.tensors[0].1.shape), (1, &vec![2]));
    }

    #[test]
    fn deep_nesting_is_no_matter() {
        // Nothing follows values into values: a table of tensors beside something deep is read.
        let deep = [&b"X\x04\0\0\0deepN"[..], &[0x85; 100_000]].concat();
        let error = describe(&[b"\x80\x02}(", &deep[..], b"u."].concat()).unwrap_err();
        assert!(error.to_string().contains("no tensor; its keys are deep"), "{error}");
    }
}
