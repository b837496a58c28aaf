"""The script that Streamlit runs: two pages, and on both what this is not.

Started by `braintumor app`; knows the pages and nothing of what they draw.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from PIL import Image

from braintumor.app import classify, evaluation_page, texts
from braintumor.app.memory import keep_uploads_in_memory


def main() -> None:
    """Draw the chosen page."""
    keep_uploads_in_memory()
    st.set_page_config(
        page_title="braintumor",
        # A picture of our own: icons by name or emoji are fetched from the internet.
        page_icon=Image.open(Path(__file__).parent / "icon.png"),
        layout="wide",
        menu_items={"About": "braintumor, for research only; not a medical device."},
    )
    pages = [
        st.Page(classify.render, title="Classify", url_path="classify", default=True),
        st.Page(evaluation_page.render, title="How good is it?", url_path="evaluation"),
    ]
    page = st.navigation(pages, position="hidden")
    # Links of our own: Streamlit's menu folds away on a phone, where nobody would find it.
    with st.container(horizontal=True):
        for one in pages:
            st.page_link(one)
    st.info(texts.NOTICE)
    page.run()


main()
