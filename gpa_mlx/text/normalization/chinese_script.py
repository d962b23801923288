"""Traditional and simplified characters: rules are written once, in simplified ones, and answer in the text's own.

Only characters that rules look for or say are listed, each with one partner, so that places in the text stay the same.
"""

from __future__ import annotations

_PAIRS = """
兩两 萬万 億亿 點点 負负 個个 隻只 輛辆 雙双 條条 張张 間间 層层 歲岁 週周 種种 塊块 顆颗 項项 棟栋 頁页 場场 輪轮 筆笔
臺台 號号 樓楼 車车 電电 話话 碼码 機机 門门 時时 鐘钟 錢钱 對对 組组 戶户 圈圈 課课 盤盘 頭头 噸吨 節节 頓顿 滿满 約约
為为 於于 來来 氣气 溫温 國国 學学 會会 員员 東东 開开 關关 與与 從从 後后 無无 線线 總总 數数 據据 單单 龍龙 軍军 戰战
飛飞 導导 彈弹 艦舰 熱热 撥拨 驗验 證证 帳账 編编 郵邮 遞递 區区 傳传 專专 報报 絡络 視视 頻频 畫画 產产 達达 過过 還还
這这 裡里 裏里 們们 說说 買买 賣卖 資资 價价 級级 類类 紀纪 齣出 歷历 療疗 結结 準准 標标 幣币 鎊镑 歐欧 韓韩 盧卢 銖铢
減减 攝摄 華华 羅罗 槓杠 寬宽 發发 貼贴 讚赞 賬账 復复 務务 處处 聯联 繫系 傷伤 銀银 環环 橋桥 場场 實实 際际 際际 雙双
樣样 釐厘 斷断 壓压 勝胜 敗败 贏赢 輸输 領领 進进 隊队 賽赛 稱称 運运 動动 慶庆 勞劳 兒儿 婦妇 購购 麼么 沒没 讓让 請请
問问 題题 聽听 寫写 應应 該该 幾几 誰谁 給给 愛爱 歡欢 樂乐 見见 覺觉 認认 識识 長长 馬马 魚鱼 鳥鸟 書书 紙纸 網网 義义
黃黄 藍蓝 綠绿 紅红 陽阳 陰阴 雲云 風风 貓猫 車车 灣湾 廣广 島岛 縣县 鄉乡 銷销 漲涨 跌跌 億亿 壽寿 齡龄 齊齐 蘋苹
業业 麗丽 舉举 絲丝 虧亏 亞亚 畝亩 僅仅 倫伦 側侧 儲储 傾倾 決决 擊击 創创 別别 劑剂 劍剑 劇剧 辦办 參参 變变 疊叠 響响
團团 圍围 圖图 壇坛 聲声 奪夺 獎奖 奧奥 寧宁 寶宝 宮宫 寢寝 屆届 師师 帶带 幀帧 庫库 強强 歸归 當当 錄录 態态 戀恋 慘惨
掃扫 護护 擔担 掛挂 揮挥 換换 敵敌 顯显 術术 殺杀 權权 楊杨 極极 槍枪 梟枭 樹树 檔档 樁桩 殲歼 畢毕 匯汇 滄沧 滬沪 瀏浏
測测 濃浓 潤润 潛潜 靈灵 獵猎 現现 瓊琼 盞盏 蓋盖 禮礼 離离 積积 稅税 窮穷 窩窝 簽签 粵粤 纖纤 緯纬 純纯 納纳 終终 經经
絕绝 績绩 維维 綜综 縷缕 縮缩 職职 腳脚 蘇苏 薦荐 獲获 薩萨 襲袭 裝装 覽览 觀观 計计 訂订 訓训 議议 記记 講讲 設设 評评
訴诉 詞词 試试 誕诞 語语 誤误 諸诸 諾诺 讀读 謝谢 貝贝 財财 責责 貨货 質质 貴贵 貸贷 費费 賠赔 賺赚 贛赣 趕赶 踐践 轉转
軟软 轟轰 輕轻 輯辑 辯辩 邊边 遼辽 遲迟 釋释 針针 鈦钛 鑰钥 鐵铁 鋪铺 鍋锅 銳锐 錯错 鍵键 鍍镀 鎮镇 鏡镜 閉闭 閩闽 閱阅
陣阵 階阶 陸陆 陳陈 陝陕 險险 難难 靂雳 頂顶 頃顷 預预 顏颜 馳驰 驅驱 驍骁 驟骤 魯鲁 鯤鲲 鵲鹊 鷹鹰 餘余 體体 黨党 兌兑
冊册 壺壶 將将 爾尔 檢检 籃篮 隱隐 蘭兰 劃划 則则 衛卫 廳厅 廂厢 連连 選选 遠远 營营 藝艺 鋼钢 飲饮 館馆 雞鸡
"""
_TO_SIMPLIFIED = {ord(pair[0]): pair[1] for pair in _PAIRS.split() if pair[0] != pair[1]}
_TO_TRADITIONAL = {ord(simplified): chr(traditional) for traditional, simplified in _TO_SIMPLIFIED.items()}
# What is said has these only as parts of numbers and names, where the other partner would be another word.
_TO_TRADITIONAL |= {ord("账"): "帳", ord("里"): "里", ord("台"): "台", ord("出"): "出"}
_TRADITIONAL = frozenset(map(chr, _TO_SIMPLIFIED))
_NEIGHBOURHOOD = 40

SIMPLIFIED: dict[int, str] = _TO_SIMPLIFIED
"""For `str.translate`: a traditional character as the simplified one that rules are written with."""


def in_script_of(text: str, start: int, end: int, words: str) -> str:
    """Return Chinese words in traditional characters where the text around a place has some.

    Args:
        text: The text as it is written.
        start: Where what is read begins in it.
        end: Where it ends.
        words: What is said instead, in simplified characters.
    """
    around = text[max(0, start - _NEIGHBOURHOOD) : end + _NEIGHBOURHOOD]
    return words if _TRADITIONAL.isdisjoint(around) else words.translate(_TO_TRADITIONAL)
