//! The messages of an event file; numbers of fields from TensorBoard's `event.proto`, `summary.proto`, `tensor.proto`
//! and the `hparams` plugin's `plugin_data.proto`.

use super::HParam;
use super::wire::Message;

/// `DataType`: DT_FLOAT, DT_STRING.
const FLOAT: u64 = 1;
const STRING: u64 = 7;
/// `DataClass`: DATA_CLASS_TENSOR.
const TENSOR: u64 = 2;
/// `SessionLog.SessionStatus`: START.
const START: u64 = 1;

/// `Event`: wall_time 1, step 2, and one of those below.
pub(super) fn event(wall_time: f64, step: u64, what: &Message) -> Message {
    Message::new().double(1, wall_time).number(2, step).and(what)
}

/// `Event.file_version` 3.
pub(super) fn file_version() -> Message {
    Message::new().bytes(3, "brain.Event:2")
}

/// `Event.summary` 5, of `Summary.value` 1.
pub(super) fn summary(values: impl IntoIterator<Item = Message>) -> Message {
    let values = values.into_iter().fold(Message::new(), |all, value| all.message(1, &value));
    Message::new().message(5, &values)
}

/// `Event.session_log` 7, of `SessionLog.status` 1.
pub(super) fn start() -> Message {
    Message::new().message(7, &Message::new().number(1, START))
}

/// `Summary.Value`: tag 1, simple_value 2.
pub(super) fn scalar(tag: &str, value: f64) -> Message {
    Message::new().bytes(1, tag).float(2, value as f32)
}

/// `Summary.Value`: tag 1, image 4.
pub(super) fn image(tag: &str, image: &Message) -> Message {
    Message::new().bytes(1, tag).message(4, image)
}

/// `Summary.Value`: tag 1, histo 5.
pub(super) fn histogram(tag: &str, histogram: &Message) -> Message {
    Message::new().bytes(1, tag).message(5, histogram)
}

/// A `TensorProto` of one text: dtype 1, tensor_shape 2 (of rank 0, which is an empty message), string_val 8.
pub(super) fn text(tag: &str, text: &str) -> Message {
    let tensor = Message::new().number(1, STRING).message(2, &Message::new()).bytes(8, text);
    tensor_value(tag, &tensor, "text", &Message::new())
}

/// What the table of settings is made from: a tensor of no elements, whose metadata are the settings.
///
/// `HParamsPluginData`: session_start_info 3, of `SessionStartInfo`: hparams 1, a map, which is a message of key 1 and
/// value 2 for each entry; start_time_secs 5. `TensorShapeProto`: dim 2, of `Dim`: size 1.
pub(super) fn hparams(hparams: &[(String, HParam)], start: f64) -> Message {
    let shape = Message::new().message(2, &Message::new().number(1, 0));
    let tensor = Message::new().number(1, FLOAT).message(2, &shape);
    let info = hparams.iter().fold(Message::new(), |all, (name, value)| {
        all.message(1, &Message::new().bytes(1, name).message(2, &value.message()))
    });
    let data = Message::new().message(3, &info.double(5, start));
    tensor_value("_hparams_/session_start_info", &tensor, "hparams", &data)
}

/// `Summary.Value`: tag 1, tensor 8, metadata 9. `SummaryMetadata`: plugin_data 1, data_class 4. `PluginData`:
/// plugin_name 1, content 2.
fn tensor_value(tag: &str, tensor: &Message, plugin: &str, content: &Message) -> Message {
    let plugin = Message::new().bytes(1, plugin).message(2, content);
    let metadata = Message::new().message(1, &plugin).number(4, TENSOR);
    Message::new().bytes(1, tag).message(8, tensor).message(9, &metadata)
}
