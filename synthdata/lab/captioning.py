"""A network that learns to say what is in a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import WordLevelTrainer
from torch import nn
from torchmetrics.text import Perplexity

from synthdata.errors import ConfigError
from synthdata.lab import training
from synthdata.lab.target import Target
from synthdata.lab.training import CHUNK, Asked
from synthdata.runtime.resources import Resource

PAD, UNKNOWN, BEGIN, END = SPECIAL = ("[PAD]", "[UNK]", "[BEGIN]", "[END]")
LONGEST = 96  # tokens; what is more is cut off
WIDTH = 96


class Held(NamedTuple):
    """A target on the device; captions as token ids, int (n, length), 0 where there are no more."""

    images: torch.Tensor
    tokens: torch.Tensor


def caption_of(record: Mapping[str, Any]) -> str:
    """What a record says of its picture; ConfigError if that is nothing."""
    caption = record.get("caption")
    if not isinstance(caption, str) or not caption:
        raise ConfigError("labels: caption_perplexity needs the label captions, or a caption")
    return caption


def _tokenizer(asked: Asked, samples: Target) -> Tokenizer:
    """The words of the target's captions, the same for all trials; it is kept beside the model."""
    made = Tokenizer(WordLevel(unk_token=UNKNOWN))
    made.pre_tokenizer = Whitespace()
    trainer = WordLevelTrainer(special_tokens=list(SPECIAL), show_progress=False)
    made.train_from_iterator(map(caption_of, samples.records), trainer)
    ends = [(name, made.token_to_id(name)) for name in (BEGIN, END)]
    made.post_processor = TemplateProcessing(single=f"{BEGIN} $A {END}", special_tokens=ends)
    made.enable_truncation(LONGEST)
    made.enable_padding(pad_id=0, pad_token=PAD)
    made.save(str(asked.trial.folder / "tokenizer.json"))
    return made


def _target(asked: Asked, samples: Target, tokenizer: Tokenizer, device: torch.device) -> Held:
    tokens = _tokens(tokenizer, samples.records, device)
    return Held(torch.from_numpy(samples.images).to(device), tokens)


def _tokens(
    tokenizer: Tokenizer, records: Sequence[Mapping[str, Any]], device: torch.device
) -> torch.Tensor:
    found = tokenizer.encode_batch([caption_of(record) for record in records])
    return torch.tensor([each.ids for each in found], device=device)


class Describer(nn.Module):  # type: ignore[misc]  # PyTorch's types are not looked at
    """What a few convolutions found is what a recurrent network begins to speak from."""

    def __init__(self, asked: Asked, words: int) -> None:
        super().__init__()
        layers, size = training.looks(asked)
        self.look = nn.Sequential(*layers, nn.Linear(size, WIDTH), nn.Tanh())
        self.word = nn.Embedding(words, WIDTH, padding_idx=0)
        self.speak = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.next = nn.Linear(2 * WIDTH, words)

    def forward(self, images: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Of each word but the first how likely it is, given those before: float (n, m - 1, words),
        not normalised."""
        seen = self.look(training.planes(images))
        said, _ = self.speak(self.word(tokens[:, :-1]), seen[None].contiguous())
        beside = seen[:, None].expand(-1, said.shape[1], -1)
        found: torch.Tensor = self.next(torch.cat([said, beside], dim=2))
        return found


#: All that such a training owns.
DECLARED = (
    *training.DECLARED,
    Resource("samples", training.target_of),
    Resource("tokenizer", _tokenizer, ("samples",)),
    Resource("target", _target, ("samples", "tokenizer", "device")),
    Resource(
        "model",
        lambda asked, tokenizer, device: Describer(asked, tokenizer.get_vocab_size()).to(device),
        ("tokenizer", "device"),
    ),
    Resource("metric", lambda asked, device: Perplexity(ignore_index=0).to(device), ("device",)),
)


def loss(own: Any, images: torch.Tensor, records: Sequence[Mapping[str, Any]]) -> torch.Tensor:
    """The mean cross entropy of a batch's words."""
    tokens = _tokens(own["tokenizer"], records, own["device"])
    with own["precision"].context(own["device"]):
        found = own["model"](images, tokens)
    told: torch.Tensor = nn.functional.cross_entropy(
        found.float().flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=0
    )
    return told


def score(own: Any, which: slice) -> float:
    """Among how many words, as it were, the model is undecided which one comes next."""
    held, metric = own["target"], own["metric"]
    images, tokens = held.images[which], held.tokens[which]
    with training.judging(own):
        for begin in range(0, len(images), CHUNK):
            some = tokens[begin : begin + CHUNK]
            found = own["model"](images[begin : begin + CHUNK], some)
            metric.update(found.float(), some[:, 1:])
    return float(metric.compute())
