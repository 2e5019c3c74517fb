"""A page that gives a foreign text to every place where Streamlit reads Markdown: escaped, or raw, to compare."""

import sys

import streamlit as st

from dashboard.render import message, plain

foreign = sys.argv[2]
text = foreign if sys.argv[1] == "raw" else plain(foreign)

st.title("Sinks")
if sys.argv[1] == "raw":
    st.markdown(foreign)
    st.stop()
for sink in (st.markdown, st.write, st.caption, st.header, st.subheader, st.error, st.warning, st.info, st.success,
             st.toast, st.badge, st.text):  # fmt: skip
    sink(text)
st.metric(text, text, text)
st.button(text, help=text)
st.checkbox(text)
st.radio(text, [text], captions=[text])
st.pills(text, [text])
st.segmented_control(text, [text, "b"])
st.selectbox(text, [text])
st.text_input(text, placeholder=text)
st.tabs([text])
st.expander(text, expanded=True).write(text)
st.popover(text)
st.progress(50, text)
st.table({text: [text]})
st.dataframe({"a": [foreign]})
st.code(foreign)
st.status(text)
st.chat_message("a").write(text)
message(foreign)
