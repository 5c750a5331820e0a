"""Wordpieces of a question and a passage -> start, end and sentence scores of each token, and one
score of the passage.

All scores are log-odds relative to "no answer" at 0, so that scores of different passages can be
compared (shared normalisation: Clark & Gardner 2018, section 3.3).
"""

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import BertConfig, BertModel


class Scores(NamedTuple):
    """The scores of b pairs of l tokens; higher is better, 0 is that of "no answer"."""

    start: Tensor  # (b, l) an answer's first token
    end: Tensor  # (b, l) an answer's last token
    sentence: Tensor  # (b, l) a sentence's score is the mean over its tokens
    null: Tensor  # (b,) log-odds that the passage does NOT answer


class ReaderModel(nn.Module):
    """A BERT encoder with four linear heads."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)
        self.qa_outputs = nn.Linear(config.hidden_size, 2)
        # The mean of a linear map is the linear map of the mean: scoring tokens and averaging
        # outside is the same as scoring a sentence's mean state, and the exported model needs no
        # sentence bounds.
        self.sentence = nn.Linear(config.hidden_size, 1)
        self.null = nn.Linear(config.hidden_size, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Scores:
        """Scores of int64 (b, l) inputs, as a BERT tokenizer makes them from a question and a
        passage.
        """
        states = self.bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        spans = self.qa_outputs(states)
        # SQuAD readers put "no answer" on [CLS]; taking its score off everywhere moves that option
        # to 0.
        start, end = (spans - spans[:, :1]).unbind(-1)
        return Scores(
            start, end, self.sentence(states).squeeze(-1), self.null(states[:, 0]).squeeze(-1)
        )

    def freeze(self, layers: int) -> None:
        """Exclude the embeddings and the lowest layers from training."""
        for module in (self.bert.embeddings, *self.bert.encoder.layer[:layers]):
            module.requires_grad_(False)

    def save(self, folder: Path) -> None:
        """Write the configuration, and the weights in fp16, whose rounding does not affect the
        scores noticeably.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.bert.config.save_pretrained(folder)
        weights = {name: weight.half().contiguous() for name, weight in self.state_dict().items()}
        save_file(weights, folder / "model.safetensors")

    @classmethod
    def load(cls, folder: Path) -> "ReaderModel":
        """Read a checkpoint of this class, or of BertForQuestionAnswering, from whose span head
        the other heads are then initialised.
        """
        config = BertConfig.from_pretrained(folder, attn_implementation="sdpa")
        # Each example is seen about once: there is nothing for dropout to keep the model from
        # learning by heart.
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
        model = cls(config)
        weights = {
            name: weight.float() for name, weight in load_file(folder / "model.safetensors").items()
        }
        missing, unexpected = model.load_state_dict(weights, strict=False)
        fresh = {"sentence.weight", "sentence.bias", "null.weight", "null.bias"}
        if unexpected or not set(missing) <= fresh:
            raise ValueError(
                f"{folder} is no reader checkpoint: missing {missing}, unexpected {unexpected}"
            )
        if missing:
            model._start_heads()
        return model

    def _start_heads(self) -> None:
        """Initialise the other heads from the span head, "no answer" from its score of [CLS]."""
        with torch.no_grad():
            direction = self.qa_outputs.weight.mean(dim=0, keepdim=True)
            self.null.weight.copy_(direction)
            self.sentence.weight.copy_(direction)
            nn.init.zeros_(self.null.bias)
            nn.init.zeros_(self.sentence.bias)
